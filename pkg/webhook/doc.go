// SPDX-License-Identifier: Apache-2.0

// Package webhook answers the admission reviews of the API server: it stores the
// defaults of applications, refuses applications and schedules that cannot run, warns
// about what has no effect, and completes executor pods with what no pod template can
// express.
//
// Nothing depends on it. The controller assumes the same defaults, checks the same
// rules (package validation) and builds the pods itself. So no answer ever breaks what
// runs: an update is refused only for faults that the object did not have before, and a
// pod is never refused.
//
// The package is pure: a review comes in, a review goes out. Package serve has the
// server, package certificates its certificates, and package appcache the applications
// that place executor pods (feature gate PartialRestart) and the ResourceQuotas that
// applications have to fit.
package webhook
