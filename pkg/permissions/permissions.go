// SPDX-License-Identifier: Apache-2.0

// Package permissions lists what the processes of the operator ask of the API server.
// It is the one list: "spark-operator auth-check" compares it with what an account may do,
// a test of the chart compares it with the Roles that the chart renders, and another test
// proves on a real API server that each permission is used and that none is missing.
package permissions

import (
	"slices"
	"strings"
)

// Permission is one verb on one resource.
type Permission struct {
	Verb string `json:"verb"`
	// Group is the API group; empty for the core group.
	Group string `json:"group,omitempty"`
	// Resource is the resource, with its subresource after a slash.
	Resource string `json:"resource"`
	// Name limits the permission to the object with this name; empty for all objects.
	Name string `json:"name,omitempty"`
	// Namespace is empty for all namespaces, and if the resource has none.
	Namespace string `json:"namespace,omitempty"`
	// Cluster is set if the resource has no namespace.
	Cluster bool `json:"clusterScoped,omitempty"`
	// Optional is set if the process works without it, with one feature less.
	Optional bool `json:"optional,omitempty"`
	// For says what needs the permission.
	For string `json:"neededFor"`
}

// Lease is the object that elects a leader; the zero value stands for no election.
type Lease struct{ Namespace, Name string }

// Controller is what the permissions of "controller start" depend on.
type Controller struct {
	// Scopes are the watched namespaces; the empty name stands for all of them.
	Scopes []string
	// Selects is set if labels select namespaces.
	Selects bool
	Lease   Lease
	// NodeLoss is set if drivers and servers on lost nodes are force-deleted.
	NodeLoss bool
	// DisruptionBudgets, BatchScheduling, Routes and Connect are set if these features are
	// enabled.
	DisruptionBudgets, BatchScheduling, Routes, Connect bool
	// ConnectTokens is set if servers may check the token of their clients.
	ConnectTokens bool
	// SecureMetrics is set if the process checks who scrapes its metrics.
	SecureMetrics bool
}

// Webhook is what the permissions of "webhook start" depend on.
type Webhook struct {
	// Scopes and Selects are as those of [Controller].
	Scopes  []string
	Selects bool
	Lease   Lease
	// Applications is set if executors get the current placement of their application.
	Applications bool
	// Quotas is set if applications are compared with ResourceQuotas.
	Quotas bool
	// SecretNamespace and Secret name the Secret with the certificate; Secret is empty if
	// the certificate is in files.
	SecretNamespace, Secret string
	// Manages is set if the webhook creates and renews the certificate.
	Manages bool
	// Mutating and Validating name the webhook configurations whose caBundle it sets.
	Mutating, Validating string
	// SecureMetrics is set if the process checks who scrapes its metrics.
	SecureMetrics bool
}

// rule is a row of the tables below. Verbs and resources are separated by blanks.
type rule struct {
	group, resources, verbs, purpose string
}

const (
	sparkGroup   = "sparkoperator.k8s.io"
	networkGroup = "networking.k8s.io"
	leaseGroup   = "coordination.k8s.io"
	webhookGroup = "admissionregistration.k8s.io"
	tokenGroup   = "authentication.k8s.io"
	accessGroup  = "authorization.k8s.io"
)

// jobs are what the controller needs in each watched namespace.
var jobs = []rule{
	{sparkGroup, "sparkapplications", "get list watch", "reading applications"},
	{sparkGroup, "sparkapplications", "create delete", "runs of schedules; spec.timeToLiveSeconds"},
	{sparkGroup, "scheduledsparkapplications", "get list watch", "reading schedules"},
	{sparkGroup, "sparkapplications/status scheduledsparkapplications/status", "update", "reporting the status"},
	{sparkGroup, "sparkapplications/finalizers scheduledsparkapplications/finalizers", "update", "owner references, with the admission plugin OwnerReferencesPermissionEnforcement"},
	{"", "pods", "get list watch create delete", "driver and executor pods"},
	{"", "pods", "patch", "the owner reference of drivers that spark-submit created"},
	{"", "pods/log", "get", "the log tail of failed drivers and of spark-submit"},
	{"", "services", "get list create update delete", "the Services of the driver and of its web UI"},
	{"", "configmaps", "get create update", "Spark properties, pod templates, metrics configuration"},
	{"", "persistentvolumeclaims", "get create", "claims that the properties of an application request"},
	{"", "events", "list", "why a driver does not start"},
	{"events.k8s.io", "events", "create patch", "sending events"},
	{"batch", "jobs", "get create delete", "applications that spark-submit submits"},
	{networkGroup, "networkpolicies", "get create delete", "the network policy of Spark 4.2 and newer"},
	{networkGroup, "ingresses", "get list create update delete", "the Ingress of the web UI and of spec.driverIngressOptions"},
}

var (
	budgets = []rule{{"policy", "poddisruptionbudgets", "get create delete", "spec.driverPodDisruptionBudget (--enable-driver-pdb)"}}
	groups  = []rule{
		{"scheduling.volcano.sh", "podgroups", "get create patch delete", "pod groups of Volcano (--enable-batch-scheduler)"},
		{"scheduling.x-k8s.io", "podgroups", "get create patch delete", "pod groups of the coscheduling plugin (--enable-batch-scheduler)"},
	}
	connects = []rule{
		{sparkGroup, "sparkconnects", "get list watch", "reading Spark Connect servers (--enable-connect)"},
		{sparkGroup, "sparkconnects", "delete", "spec.timeToLiveSeconds and spec.onStop of Spark Connect servers"},
		{sparkGroup, "sparkconnects/status", "update", "reporting the status of Spark Connect servers"},
		{sparkGroup, "sparkconnects/finalizers", "update", "owner references of Spark Connect servers, with the admission plugin OwnerReferencesPermissionEnforcement"},
	}
	connectRoutes = []rule{{"gateway.networking.k8s.io", "grpcroutes", "get create update delete", "spec.route of Spark Connect servers (--enable-connect)"}}
	connectTokens = []rule{{"", "secrets", "get create", "spec.authentication of Spark Connect servers (--enable-connect-authentication)"}}
	routes        = []rule{{"gateway.networking.k8s.io", "httproutes", "get create update delete", "the HTTPRoute of the web UI (--ui-route-url-format, spec.route of Spark Connect servers)"}}
	nodes         = rule{"", "nodes", "get", "force-deleting drivers and servers on lost nodes (--node-loss-grace-period)"}
	namespaces    = rule{"", "namespaces", "list watch", "--namespace-selector"}

	scrapes = []rule{
		{tokenGroup, "tokenreviews", "create", "checking the tokens of who scrapes the metrics (--secure-metrics)"},
		{accessGroup, "subjectaccessreviews", "create", "checking the permissions of who scrapes the metrics (--secure-metrics)"},
	}

	quotas  = rule{"", "resourcequotas", "list watch", "--enable-resource-quota-enforcement"}
	reviews = rule{sparkGroup, "sparkapplications", "list watch", "placing new executors (feature gate PartialRestart)"}
)

// List returns the permissions, those of the watched namespaces first.
func (c *Controller) List() []Permission {
	var l list
	for _, scope := range c.Scopes {
		l.add(scope, jobs...)
		if c.DisruptionBudgets {
			l.add(scope, budgets...)
		}
		if c.BatchScheduling {
			l.add(scope, groups...)
		}
		if c.Routes || c.Connect {
			l.add(scope, routes...)
		}
		if c.Connect {
			l.add(scope, connects...)
			l.add(scope, connectRoutes...)
		}
		if c.ConnectTokens {
			l.add(scope, connectTokens...)
		}
	}
	if c.NodeLoss {
		l.addCluster(nodes)
		// Who lists namespaces installs the operator without any right in the cluster.
		l[len(l)-1].Optional = !slices.Contains(c.Scopes, "")
	}
	if c.Selects {
		l.addCluster(namespaces)
	}
	if c.SecureMetrics {
		l.addCluster(scrapes...)
	}
	l.addLease(c.Lease, "leader election")
	return l
}

// List returns the permissions, those of the watched namespaces first.
func (w *Webhook) List() []Permission {
	var l list
	for _, scope := range w.Scopes {
		if w.Applications {
			l.add(scope, reviews)
		}
		if w.Quotas {
			l.add(scope, quotas)
		}
	}
	if w.Selects {
		l.addCluster(namespaces)
	}
	if w.SecureMetrics {
		l.addCluster(scrapes...)
	}
	if w.Secret == "" {
		return l
	}
	const certificate = "the certificate of the webhook"
	l.addNamed(w.SecretNamespace, w.Secret, rule{"", "secrets", "get list watch", certificate})
	if !w.Manages {
		return l
	}
	l.addNamed(w.SecretNamespace, w.Secret, rule{"", "secrets", "update", "renewing the certificate"})
	l.add(w.SecretNamespace, rule{"", "secrets", "create", "creating the certificate"})
	const bundle = "the caBundle of the webhook"
	if w.Mutating != "" {
		l.addNamed("", w.Mutating, rule{webhookGroup, "mutatingwebhookconfigurations", "get list watch patch", bundle})
	}
	if w.Validating != "" {
		l.addNamed("", w.Validating, rule{webhookGroup, "validatingwebhookconfigurations", "get list watch patch", bundle})
	}
	l.addLease(w.Lease, "election of the replica that renews the certificate")
	return l
}

type list []Permission

func (l *list) add(namespace string, rules ...rule) {
	for _, r := range rules {
		l.addNamed(namespace, "", r)
	}
}

func (l *list) addCluster(rules ...rule) { l.add("", rules...) }

func (l *list) addLease(lease Lease, purpose string) {
	if lease.Name == "" {
		return
	}
	l.add(lease.Namespace, rule{leaseGroup, "leases", "create", purpose})
	l.addNamed(lease.Namespace, lease.Name, rule{leaseGroup, "leases", "get update", purpose})
}

func (l *list) addNamed(namespace, name string, r rule) {
	for resource := range strings.FieldsSeq(r.resources) {
		for verb := range strings.FieldsSeq(r.verbs) {
			*l = append(*l, Permission{
				Verb: verb, Group: r.group, Resource: resource, Name: name, Namespace: namespace, Cluster: isClusterScoped(r.group, resource), For: r.purpose,
			})
		}
	}
}

func isClusterScoped(group, resource string) bool {
	return group == webhookGroup || group == tokenGroup || group == accessGroup || group == "" && (resource == "nodes" || resource == "namespaces")
}
