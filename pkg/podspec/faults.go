// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"fmt"
	"reflect"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// Limits of the faults of an object, whatever its size.
const (
	// MaxFaults is how many faults of an object are reported; the others are counted.
	MaxFaults = 20

	maxFaultPath, maxFaultValue, maxFaultDetail = 256, 256, 1024 // bytes

	// furtherFaults is the origin of the error that counts the others.
	furtherFaults = "furtherFaults"
)

// Faults collects the faults of one object. It keeps the first [MaxFaults] and
// counts the others, and it shortens what they quote, so that neither work nor
// text grows with the number of faults. The zero value is empty.
type Faults struct {
	list field.ErrorList
	more int
}

// Add appends faults, also those of a list that [Faults.List] returned.
func (f *Faults) Add(errs ...*field.Error) {
	for _, err := range errs {
		switch further, ok := err.BadValue.(int); {
		case err.Origin == furtherFaults && ok:
			f.more += further
		case f.Full():
			f.more++
		default:
			f.list = append(f.list, excerpt(err))
		}
	}
}

// AddFunc is Add for a fault that takes time to describe.
func (f *Faults) AddFunc(describe func() *field.Error) {
	if f.Full() {
		f.more++
		return
	}
	f.Add(describe())
}

// Full reports whether further faults are only counted.
func (f *Faults) Full() bool { return len(f.list) >= MaxFaults }

// List returns the faults. The last one counts those that were not kept.
func (f *Faults) List() field.ErrorList {
	if f.more == 0 {
		return f.list
	}
	return append(f.list[:len(f.list):len(f.list)], &field.Error{
		Type: field.ErrorTypeTooMany, Field: "spec", BadValue: f.more, Origin: furtherFaults,
		Detail: fmt.Sprintf("and %d more faults, which are not listed", f.more),
	})
}

// excerpt returns err with texts of a readable length.
func excerpt(err *field.Error) *field.Error {
	short := *err
	short.Field = sparkconf.Excerpt(err.Field, maxFaultPath)
	short.Detail = sparkconf.Excerpt(err.Detail, maxFaultDetail)
	if value := reflect.ValueOf(err.BadValue); value.Kind() == reflect.String && value.Len() > maxFaultValue {
		short.BadValue = sparkconf.Excerpt(value.String(), maxFaultValue)
	}
	return &short
}
