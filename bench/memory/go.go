// SPDX-License-Identifier: MIT

// memory with Go: goroutines that wait for a channel to be closed. Fair: stacks begin at 2 KiB and have not grown; what
// the garbage collector holds beside them is part of what they take.
package main

import (
	_ "embed"
	"sync"
	"time"

	bench "../go"
)

//go:embed params.hpp
var params string

func main() {
	p := bench.New("memory", params)
	count := p.Count("work", "quick_work")
	results := make([]uint64, count)
	for i := range results {
		results[i] = 1 // touched, so that they do not count
	}
	gate := make(chan struct{})
	var ready, running sync.WaitGroup
	ready.Add(int(count))
	running.Add(int(count))
	residentBefore, tablesBefore := bench.Memory()
	start := time.Now()
	for i := uint64(0); i < count; i++ {
		go func(number uint64) {
			ready.Done()
			<-gate
			results[number] = number
			running.Done()
		}(i)
	}
	ready.Wait()
	creation := float64(time.Since(start).Nanoseconds()) / float64(count)
	residentAfter, tablesAfter := bench.Memory()

	close(gate)
	running.Wait()
	var sum uint64
	for _, result := range results {
		sum += result
	}
	bench.Require(sum == count*(count-1)/2, "a goroutine's result was lost")
	tables := (float64(tablesAfter) - float64(tablesBefore)) / float64(count)
	resident := (float64(residentAfter) - float64(residentBefore)) / float64(count)
	p.Report("bytes_per_fiber", "bytes", resident+tables, count)
	p.Report("page_tables_per_fiber", "bytes", tables, count)
	p.Report("creation", "ns", creation, count)
}
