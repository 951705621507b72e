// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"sync"
	"time"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// creators is how many applications are created at the same time. More do not
// make the API server faster.
const creators = 16

// Burst creates count applications as fast as the API server takes them.
func (o *Observer) Burst(ctx context.Context, count int, build func(n int) *v1beta2.SparkApplication) error {
	return o.create(ctx, count, build, func(int) error { return ctx.Err() })
}

// Steadily creates count applications, perSecond of them every second, whether or
// not those before were created in time.
func (o *Observer) Steadily(ctx context.Context, count int, perSecond float64, build func(n int) *v1beta2.SparkApplication) error {
	begin := time.Now()
	return o.create(ctx, count, build, func(n int) error {
		due := begin.Add(time.Duration(float64(n) / perSecond * float64(time.Second)))
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Until(due)):
			return nil
		}
	})
}

func (o *Observer) create(ctx context.Context, count int, build func(n int) *v1beta2.SparkApplication, wait func(n int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	numbers := channel(ctx, count, wait)
	var running sync.WaitGroup
	for range creators {
		running.Go(func() {
			for n := range numbers {
				if _, err := o.Create(ctx, build(n)); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	running.Wait()
	return context.Cause(ctx)
}

// channel yields the numbers below count, each when wait returns.
func channel(ctx context.Context, count int, wait func(n int) error) <-chan int {
	numbers := make(chan int)
	go func() {
		defer close(numbers)
		for n := range count {
			if wait(n) != nil {
				return
			}
			select {
			case numbers <- n:
			case <-ctx.Done():
				return
			}
		}
	}()
	return numbers
}
