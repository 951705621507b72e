// SPDX-License-Identifier: Apache-2.0

package lifecycle

// Action names what a row of the table does. Package run performs it.
type Action string

func actions(list ...Action) []Action { return list }

// The actions, in words for the printed table.
const (
	SubmitRun         Action = "submit"
	StopSubmitter     Action = "stop spark-submit"
	ReadDriverLog     Action = "read the end of the driver's log"
	ReadDriverEvents  Action = "read the events of a driver that does not start"
	EnsureUI          Action = "ensure UI objects"
	ConfirmDriverLost Action = "read the driver pod from the API server"
	DeleteDrivers     Action = "delete all driver pods"
	ExamineNode       Action = "force-delete the driver pod if its node is lost"
	DeleteOldDrivers  Action = "delete driver pods of earlier submissions"
	DeleteGhosts      Action = "delete driver pods of other submissions"
	DeleteExecutors   Action = "delete executors"
	DeleteUnwanted    Action = "delete these pods"
	ReleaseRun        Action = "delete the objects of the run"
	ReleaseShared     Action = "delete UI objects and pod group"
	DeleteApplication Action = "delete the application"
)
