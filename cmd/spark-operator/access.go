// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/component-base/version"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/informers"
)

// kubeconfigUsage describes the flag --kubeconfig of every command.
const kubeconfigUsage = "Path of the kubeconfig file. Default: $KUBECONFIG, or the service account of the pod."

// AccessOptions are the flags about the API server that all commands share.
type AccessOptions struct {
	Kubeconfig   string
	KubeAPIQPS   float32
	KubeAPIBurst int
}

func newAccessOptions() AccessOptions { return AccessOptions{KubeAPIQPS: -1, KubeAPIBurst: 30} }

// AddFlags declares the flags.
func (o *AccessOptions) AddFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.Kubeconfig, "kubeconfig", o.Kubeconfig, kubeconfigUsage)
	fs.Float32Var(&o.KubeAPIQPS, "kube-api-qps", o.KubeAPIQPS, "Maximum requests per second to the API server. If negative, API Priority and Fairness of the server sets the limit.")
	fs.IntVar(&o.KubeAPIBurst, "kube-api-burst", o.KubeAPIBurst, "Maximum burst of requests above --kube-api-qps. Without effect if --kube-api-qps is negative.")
}

// Validate returns what is wrong with the flags.
func (o *AccessOptions) Validate() error {
	switch qps := float64(o.KubeAPIQPS); {
	case math.IsNaN(qps), math.IsInf(qps, 0):
		return fmt.Errorf("--kube-api-qps: %v is not a valid number of requests", qps)
	case qps == 0:
		return errors.New("--kube-api-qps: 0 allows no request; a negative value leaves the limit to the API server")
	case qps > 0 && o.KubeAPIBurst < 1, o.KubeAPIBurst < 0:
		return fmt.Errorf("--kube-api-burst: %d is not positive", o.KubeAPIBurst)
	}
	return nil
}

// load finds the API server: by --kubeconfig, $KUBECONFIG, or the service account of
// the pod.
func (o *AccessOptions) load(program string) (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.Kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("find the API server: %w; set --kubeconfig when not running in a pod", err)
	}
	config.UserAgent = program + "/" + version.Get().GitVersion
	config.QPS, config.Burst = o.KubeAPIQPS, o.KubeAPIBurst
	return config, nil
}

// dynamic connects to the API server for a command that ends by itself.
func (o *AccessOptions) dynamic(program string) (dynamic.Interface, error) {
	config, err := o.load(program)
	if err != nil {
		return nil, err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connection to the API server: %w", err)
	}
	return client, nil
}

// ScopeOptions are the flags about the watched namespaces that all commands share.
type ScopeOptions struct {
	Namespaces        []string
	NamespaceSelector string
	// ApplicationSelector is a label selector; empty for all applications.
	ApplicationSelector string
	CacheSyncTimeout    time.Duration
}

func newScopeOptions() ScopeOptions { return ScopeOptions{CacheSyncTimeout: 30 * time.Second} }

// AddFlags declares the flags.
func (o *ScopeOptions) AddFlags(fs *pflag.FlagSet) {
	fs.StringSliceVar(&o.Namespaces, "namespaces", o.Namespaces, "Comma-separated list of namespaces to watch. An empty element stands for all namespaces, and so does an empty list without --namespace-selector.")
	fs.StringVar(&o.NamespaceSelector, "namespace-selector", o.NamespaceSelector, "Label selector of namespaces to watch in addition to --namespaces, such as team=data,env in (a,b). If --namespaces is empty, only these namespaces are watched.")
	fs.StringVar(&o.ApplicationSelector, "application-selector", o.ApplicationSelector, "Label selector of the applications and schedules of this operator, such as team=data. Others in the same namespaces belong to another operator, with another selector and another Lease. If empty, all applications.")
	fs.DurationVar(&o.CacheSyncTimeout, "cache-sync-timeout", o.CacheSyncTimeout, "Maximum time without a new object during the initial list. The whole list may take at most ten times as long.")
}

// Validate returns what is wrong with the flags.
func (o *ScopeOptions) Validate() error {
	var errs []error
	for _, namespace := range o.Namespaces {
		if problems := validation.IsDNS1123Label(namespace); namespace != "" && len(problems) > 0 {
			errs = append(errs, fmt.Errorf("--namespaces: %q is not a valid name of a namespace: %s", namespace, problems[0]))
		}
	}
	if _, err := selector(o.NamespaceSelector); err != nil {
		errs = append(errs, fmt.Errorf("--namespace-selector: %w", err))
	}
	if applications, err := selector(o.ApplicationSelector); err != nil {
		errs = append(errs, fmt.Errorf("--application-selector: %w", err))
	} else if mentions(applications, v1beta2.LabelScheduledSparkAppName) {
		errs = append(errs, fmt.Errorf("--application-selector: runs of schedules have the label %s and schedules do not; select both by another label", v1beta2.LabelScheduledSparkAppName))
	}
	if o.CacheSyncTimeout <= 0 {
		errs = append(errs, fmt.Errorf("--cache-sync-timeout: %v is not positive", o.CacheSyncTimeout))
	}
	return errors.Join(errs...)
}

// selector parses a label selector. It is nil if there is none.
func selector(text string) (labels.Selector, error) {
	if text == "" {
		return nil, nil
	}
	return labels.Parse(text)
}

// mentions reports whether a selector, which may be nil, depends on a label.
func mentions(selector labels.Selector, label string) bool {
	if selector == nil {
		return false
	}
	requirements, _ := selector.Requirements()
	return slices.ContainsFunc(requirements, func(r labels.Requirement) bool { return r.Key() == label })
}

// informers returns what the caches watch.
func (o *ScopeOptions) informers() (informers.Config, error) {
	namespaces, err := selector(o.NamespaceSelector)
	if err != nil {
		return informers.Config{}, err
	}
	applications, err := selector(o.ApplicationSelector)
	return informers.Config{Namespaces: o.Namespaces, NamespaceSelector: namespaces, ApplicationSelector: applications}, err
}
