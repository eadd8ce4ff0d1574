// SPDX-License-Identifier: MIT

// timers with Go: time.Sleep in each goroutine. Fair: its runtime keeps all of them in heaps of its own.
package main

import (
	_ "embed"
	"sort"
	"sync"
	"time"

	bench "../go"
)

//go:embed params.hpp
var params string

func measure(p *bench.Program, count uint64) {
	stride := p.Param("stride")
	lead := time.Duration(p.Param("lead_milliseconds")) * time.Millisecond
	window := time.Duration(p.Param("window_milliseconds")) * time.Millisecond
	late := make([]time.Duration, count)
	before := bench.CPUTime()
	start := time.Now()
	var running sync.WaitGroup
	running.Add(int(count))
	for i := uint64(0); i < count; i++ {
		go func(sleeper uint64) {
			place := sleeper * stride % count
			due := start.Add(lead + time.Duration(uint64(window)*place/count))
			time.Sleep(time.Until(due))
			late[sleeper] = time.Since(due)
			running.Done()
		}(i)
	}
	running.Wait()
	cpu := bench.CPUTime() - before
	sort.Slice(late, func(left, right int) bool { return late[left] < late[right] })
	bench.Require(late[0] >= 0, "somebody woke too early")
	p.Report("cpu_per_sleeper", "us", float64(cpu.Nanoseconds())/1000/float64(count), count)
	p.Report("lateness_p50", "us", float64(late[(count-1)/2].Nanoseconds())/1000, count)
	p.Report("lateness_p99", "us", float64(late[(count-1)*99/100].Nanoseconds())/1000, count)
}

func main() {
	p := bench.New("timers", params)
	for round := 0; round < p.Rounds; round++ {
		measure(p, p.Count("work", "quick_work"))
	}
}
