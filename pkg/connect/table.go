// SPDX-License-Identifier: Apache-2.0

package connect

// row is one line of the state machine.
type row struct {
	from []phase
	when guard
	do   []action
	// to is the phase after do succeeded.
	to phase
	// set changes more of the status than the state; nil for nothing.
	set *effect
	// wait says when to sync again without an event; nil if the next sync is caused by
	// the row's own write, or if nothing but the user can change anything.
	wait *delay
}

// table is the state machine: the first row whose phases contain the present one and
// whose guard holds is taken. A test prints it to docs/connect-states.md.
var table = []row{
	{from: anyPhase, when: deleting, to: stay},

	// Stops.
	{from: phases(phaseNew, phaseStarting, phaseProvisioning, phaseReady, phaseNotReady, phaseBackingOff, phaseStopped),
		when: suspendRequested, to: phaseStopped, set: stopForUser},
	{from: live, when: tooOld, to: phaseStopped, set: stopForAge},
	{from: phases(phaseStopped), when: serverStuck, do: actions(examineNode), to: stay, set: explainNodeLoss, wait: backstop},
	{from: phases(phaseStopped), when: serverLeft, do: actions(deleteServer), to: stay, set: explainWait, wait: backstop},
	{from: phases(phaseStopped), when: unwanted, do: actions(deleteConnect), to: stay, wait: backstop},
	{from: phases(phaseStopped), when: wakeRequested, to: phaseStarting, set: wake},
	{from: phases(phaseStopped), when: always, to: stay, set: rest, wait: untilExpiry},

	// Failures that only a change of the spec ends.
	{from: phases(phaseFailed), when: specChanged, to: phaseStarting, set: startOver},
	{from: phases(phaseFailed), when: serverStuck, do: actions(examineNode), to: stay, set: explainNodeLoss, wait: backstop},
	{from: phases(phaseFailed), when: serverRuns, do: actions(deleteServer), to: stay, set: explainWait, wait: backstop},
	{from: phases(phaseFailed), when: unwanted, do: actions(deleteConnect), to: stay, wait: backstop},
	{from: phases(phaseFailed), when: always, to: stay, set: observe, wait: untilExpiry},

	// The start.
	{from: toBeStarted, when: unusable, to: phaseFailed, set: failInvalid},
	{from: toBeStarted, when: serverStuck, do: actions(examineNode), to: phaseStarting, set: explainNodeLoss, wait: backstop},
	{from: toBeStarted, when: oldServerLeft, do: actions(deleteServer), to: phaseStarting, set: explainWait, wait: backstop},
	{from: toBeStarted, when: always, do: actions(startServer), to: phaseProvisioning, set: recordServer},
	{from: phases(phaseBackingOff), when: specChanged, to: phaseStarting, set: startOver},
	{from: phases(phaseBackingOff), when: restartDue, to: phaseStarting, set: restart},
	{from: phases(phaseBackingOff), when: always, to: stay, set: observe, wait: untilRestart},

	// The server.
	{from: live, when: serverReplaced, to: phaseStarting, set: forgetServer},
	{from: live, when: serverAbsent, do: actions(confirmLost), to: phaseStarting, set: forgetLost},
	{from: live, when: serverStuck, do: actions(examineNode), to: stay, set: explainNodeLoss, wait: backstop},
	{from: live, when: serverEndedAndRestartAllowed, to: phaseBackingOff, set: endServer, wait: untilRestart},
	{from: live, when: serverEnded, to: phaseFailed, set: endServer},
	{from: live, when: replacementDue, to: phaseStarting, set: forgetServer},
	{from: phases(phaseReady), when: idle, to: phaseStopped, set: stopForIdleness},
	{from: phases(phaseReady), when: idleBeforeNow, do: actions(probeServer, ensureService, ensureRoute), to: stay, set: recordReady, wait: backstop},
	{from: live, when: serverReady, do: actions(ensureService, ensureRoute), to: phaseReady, set: recordReady, wait: audit},
	{from: phases(phaseProvisioning), when: always, do: actions(ensureService, ensureRoute, readEvents), to: stay, set: explainServer, wait: audit},
	{from: phases(phaseReady, phaseNotReady), when: always, do: actions(ensureService, ensureRoute), to: phaseNotReady, set: explainServer, wait: audit},
}

// action names what a row does.
type action string

func actions(list ...action) []action { return list }

// The actions, in words for the printed table.
const (
	startServer   action = "create the server pod and its objects"
	deleteServer  action = "delete the server pod"
	deleteConnect action = "delete this object"
	confirmLost   action = "read the server pod from the API server"
	ensureService action = "ensure the Service"
	probeServer   action = "probe the server again"
	ensureRoute   action = "ensure the route"
	readEvents    action = "read the events of a server pod that does not start"
	examineNode   action = "force-delete the server pod if its node is lost"
)
