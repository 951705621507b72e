// SPDX-License-Identifier: Apache-2.0

package connect

// Reasons of the condition ServerPodReady besides those of package diagnosis, which say
// why a pod does not start, and of package reconcile, which say why a request is refused.
const (
	reasonReady       = "ServerPodReady"
	reasonNotReady    = "ServerPodNotReady"
	reasonTerminating = "ServerTerminating"
	reasonServerGone  = "ServerGone"
	reasonNodeLost    = "NodeLost"
	reasonServerEnded = "ServerEnded"
	reasonStopped     = "Stopped"
	reasonInvalidSpec = "InvalidSpec"
	reasonRefused     = "Refused"
	reasonNameTaken   = "NameTaken"
	// reasonService: the Service by which clients reach the server cannot be written.
	reasonService = "ServiceFailed"
)

// reasonStarted is of the condition Suspended once a stop has ended.
const reasonStarted = "Started"

// reasonProbed is of the condition IdleDetection while probes succeed. If they do not, the
// reason is one of package probe.
const reasonProbed = "ProbeSucceeded"

// Reasons of the condition UpToDate.
const (
	reasonUpToDate    = "UpToDate"
	reasonSpecChanged = "SpecChanged"
	reasonUnknownSpec = "BuiltByAnotherVersion"
)
