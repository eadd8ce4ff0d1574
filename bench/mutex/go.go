// SPDX-License-Identifier: MIT

// mutex with Go: sync.Mutex. Fair: Go's only mutex, without defer, which would be slower.
package main

import (
	_ "embed"
	"sync"

	bench "../go"
)

//go:embed params.hpp
var params string

func main() {
	p := bench.New("mutex", params)
	contenders := p.Param("contenders")
	p.Measure("per_lock_and_unlock", func(locks uint64) float64 {
		var mutex sync.Mutex
		var number uint64
		each := bench.TimeEach(contenders*locks, func() {
			var running sync.WaitGroup
			running.Add(int(contenders))
			for i := uint64(0); i < contenders; i++ {
				go func() {
					for lock := uint64(0); lock < locks; lock++ {
						mutex.Lock()
						number++
						mutex.Unlock()
					}
					running.Done()
				}()
			}
			running.Wait()
		})
		bench.Require(number == contenders*locks, "two held the mutex at a time")
		return each
	})
}
