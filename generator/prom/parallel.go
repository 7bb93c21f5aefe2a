package prom

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// inParallel is what a function makes of 0, 1, … n-1, in that order, on all processors.
func inParallel[T any](n int, of func(i int) T) []T {
	results := make([]T, n)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				results[i] = of(i)
			}
		})
	}
	workers.Wait()
	return results
}
