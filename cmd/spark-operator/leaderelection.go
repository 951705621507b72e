// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/klog/v2"
)

// LeaderElectionOptions are the flags, with the names of kubeflow/spark-operator.
type LeaderElectionOptions struct {
	Enabled       bool
	LockName      string
	LockNamespace string
	LeaseDuration time.Duration
	RenewDeadline time.Duration
	RetryPeriod   time.Duration
}

func newLeaderElectionOptions() LeaderElectionOptions {
	return LeaderElectionOptions{
		LockName:      "spark-operator-lock",
		LockNamespace: "spark-operator",
		LeaseDuration: 15 * time.Second,
		RenewDeadline: 10 * time.Second,
		RetryPeriod:   2 * time.Second,
	}
}

// AddFlags declares the flags.
func (o *LeaderElectionOptions) AddFlags(fs *pflag.FlagSet) {
	fs.BoolVar(&o.Enabled, "leader-election", o.Enabled, "Elect a leader, so that several replicas can run. In the controller, only the leader reconciles; in the webhook, only the leader renews the certificate.")
	fs.StringVar(&o.LockName, "leader-election-lock-name", o.LockName, "Name of the Lease.")
	fs.StringVar(&o.LockNamespace, "leader-election-lock-namespace", o.LockNamespace, "Namespace of the Lease.")
	fs.DurationVar(&o.LeaseDuration, "leader-election-lease-duration", o.LeaseDuration, "How long standby replicas wait after the last renewal before they take over the Lease.")
	fs.DurationVar(&o.RenewDeadline, "leader-election-renew-deadline", o.RenewDeadline, "How long the leader tries to renew the Lease before it exits; must be less than --leader-election-lease-duration.")
	fs.DurationVar(&o.RetryPeriod, "leader-election-retry-period", o.RetryPeriod, "Time between attempts to acquire or renew the Lease.")
}

// Validate returns what is wrong with the flags: with the names in any case, with
// everything else if there is an election.
func (o *LeaderElectionOptions) Validate() error {
	if problems := validation.IsDNS1123Subdomain(o.LockName); o.LockName != "" && len(problems) > 0 {
		return fmt.Errorf("--leader-election-lock-name: %q is not a valid name of a Lease: %s", o.LockName, problems[0])
	}
	if problems := validation.IsDNS1123Label(o.LockNamespace); o.LockNamespace != "" && len(problems) > 0 {
		return fmt.Errorf("--leader-election-lock-namespace: %q is not a valid name of a namespace: %s", o.LockNamespace, problems[0])
	}
	switch {
	case !o.Enabled:
		return nil
	case o.LockName == "":
		return errors.New("--leader-election-lock-name: must not be empty")
	case o.LockNamespace == "":
		return errors.New("--leader-election-lock-namespace: must not be empty")
	case o.LeaseDuration < time.Second || o.LeaseDuration > math.MaxInt32*time.Second:
		return fmt.Errorf("--leader-election-lease-duration: a Lease counts seconds, so %v must be at least 1s and at most %v", o.LeaseDuration, math.MaxInt32*time.Second)
	case o.RetryPeriod <= 0:
		return fmt.Errorf("--leader-election-retry-period: %v is not positive", o.RetryPeriod)
	case o.LeaseDuration <= o.RenewDeadline:
		return fmt.Errorf("--leader-election-lease-duration: %v is not longer than --leader-election-renew-deadline %v", o.LeaseDuration, o.RenewDeadline)
	case float64(o.RenewDeadline) <= leaderelection.JitterFactor*float64(o.RetryPeriod):
		return fmt.Errorf("--leader-election-renew-deadline: %v is not longer than %v times --leader-election-retry-period %v", o.RenewDeadline, leaderelection.JitterFactor, o.RetryPeriod)
	}
	return nil
}

// errLeaseLost ends a process whose lease was not renewed in time: another one
// may have it already.
var errLeaseLost = errors.New("lost the Lease; exiting so that only the leader works")

// lead calls work once this process is the leader, or at once without election.
// It returns when work has returned, or at once when the lease is lost.
//
// The lease is given back only after work has ended. The elector would give it
// back as soon as its own context ends, while steps are still under way, so it
// has a context of its own.
func (o *LeaderElectionOptions) lead(ctx context.Context, config *rest.Config, watchdog *leaderelection.HealthzAdaptor, work func(context.Context) error) error {
	if !o.Enabled {
		return work(ctx)
	}
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("identity for leader election: %w", err)
	}
	identity := host + "_" + uuid.NewString()
	lock, err := resourcelock.NewFromKubeconfig(resourcelock.LeasesResourceLock, o.LockNamespace, o.LockName,
		resourcelock.ResourceLockConfig{Identity: identity}, config, o.RenewDeadline)
	if err != nil {
		return fmt.Errorf("leader election: %w", err)
	}

	electionCtx, endElection := context.WithCancel(context.WithoutCancel(ctx))
	defer endElection()
	started := make(chan struct{})
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock:            lock,
		LeaseDuration:   o.LeaseDuration,
		RenewDeadline:   o.RenewDeadline,
		RetryPeriod:     o.RetryPeriod,
		WatchDog:        watchdog,
		ReleaseOnCancel: true,
		Name:            o.LockName,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(context.Context) { close(started) },
			OnStoppedLeading: func() {},
			OnNewLeader: func(leader string) {
				klog.FromContext(ctx).Info("Leader elected", "leader", leader, "self", leader == identity)
			},
		},
	})
	if err != nil {
		return fmt.Errorf("leader election: %w", err)
	}
	ended := make(chan struct{}) // the elector has given up or given back the lease
	go func() {
		defer close(ended)
		elector.Run(electionCtx)
	}()

	select {
	case <-started:
	case <-ctx.Done():
		endElection()
		<-ended
		return nil
	}
	finished := make(chan error, 1)
	go func() { finished <- work(ctx) }()
	select {
	case err := <-finished:
		endElection()
		<-ended
		return err
	case <-ended:
		return errLeaseLost
	}
}

// campaign calls work whenever this process is the leader, or at once without election,
// until ctx is done. It is for work that a process does beside another task, which goes
// on when the lease is lost.
func (o *LeaderElectionOptions) campaign(ctx context.Context, config *rest.Config, work func(context.Context)) {
	wait.UntilWithContext(ctx, func(ctx context.Context) {
		term, endTerm := context.WithCancel(ctx)
		defer endTerm()
		watchdog := leaderelection.NewLeaderHealthzAdaptor(0)
		err := o.lead(term, config, watchdog, func(ctx context.Context) error { work(ctx); return nil })
		if err != nil && ctx.Err() == nil {
			klog.FromContext(ctx).Error(err, "No leader for now; the next try follows")
		}
	}, max(o.RetryPeriod, time.Second))
}
