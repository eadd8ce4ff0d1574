// SPDX-License-Identifier: MIT

// Package bench is what every Go program of the suite has in common: its options, its rounds, the JSON line per result,
// and the numbers of the workload's params.hpp, which each program embeds. See program.hpp for the same in C++.
package bench

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Program is one <workload>_go with its options.
type Program struct {
	Workers, Rounds int
	Across          bool // ping_pong only
	Detail          string
	workload        string
	quick           bool
	count           uint64 // 0: not said
	params          map[string]uint64
}

var constant = regexp.MustCompile(`constexpr std::uint64_t (\w+) = ([\d']+);`)

// New parses the command line, and makes as many threads run goroutines as there are workers.
func New(workload, params string) *Program {
	p := &Program{workload: workload, params: map[string]uint64{}}
	for _, match := range constant.FindAllStringSubmatch(params, -1) {
		p.params[match[1]], _ = strconv.ParseUint(strings.ReplaceAll(match[2], "'", ""), 10, 64)
	}
	flag.IntVar(&p.Workers, "workers", 1, "kernel threads that run goroutines")
	flag.IntVar(&p.Rounds, "rounds", 1, "how often to measure")
	flag.BoolVar(&p.quick, "quick", false, "less work per round")
	flag.Uint64Var(&p.count, "count", 0, "this much work per round (default: see params.hpp)")
	flag.BoolVar(&p.Across, "across", false, "ping_pong: each on a kernel thread of its own")
	flag.Parse()
	Require(p.Workers > 0 && p.Rounds > 0 && flag.NArg() == 0, "wrong options")
	runtime.GOMAXPROCS(p.Workers)
	return p
}

// Param is a number of params.hpp.
func (p *Program) Param(name string) uint64 {
	value, found := p.params[name]
	Require(found, "params.hpp has no "+name)
	return value
}

// Count is what is to be done in a round: by --count, else the parameter `full` or `quick`.
func (p *Program) Count(full, quick string) uint64 {
	if p.count != 0 {
		return p.count
	}
	if p.quick {
		return p.Param(quick)
	}
	return p.Param(full)
}

// Measure does the rounds: `each` does the work, checks it, and returns the nanoseconds that one of it took.
func (p *Program) Measure(metric string, each func(count uint64) float64) {
	p.MeasureCounts(metric, p.Param("warm_up_work"), p.Count("work", "quick_work"), each)
}

// MeasureCounts is Measure with other amounts of work.
func (p *Program) MeasureCounts(metric string, warmUp, count uint64, each func(count uint64) float64) {
	each(warmUp)
	for round := 0; round < p.Rounds; round++ {
		p.Report(metric, "ns", each(count), count)
	}
}

// Report prints a result that has been checked.
func (p *Program) Report(metric, unit string, value float64, count uint64) {
	fmt.Printf("{\"workload\":%q,\"system\":\"go\",\"workers\":%d,\"metric\":%q,\"unit\":%q,\"value\":%.4f,"+
		"\"count\":%d,\"detail\":%q,\"checked\":true}\n", p.workload, p.Workers, metric, unit, value, count, p.Detail)
}

// TimeEach returns the nanoseconds of one of `count` repetitions that `function` makes.
func TimeEach(count uint64, function func()) float64 {
	start := time.Now()
	function()
	return float64(time.Since(start).Nanoseconds()) / float64(count)
}

// Require ends the program with status 1 if what was measured did not do its work.
func Require(isRight bool, what string) {
	if !isRight {
		fmt.Fprintln(os.Stderr, "wrong result:", what)
		os.Exit(1)
	}
}

// CPUTime is the user and system time of the process.
func CPUTime() time.Duration {
	var usage syscall.Rusage
	Require(syscall.Getrusage(syscall.RUSAGE_SELF, &usage) == nil, "getrusage")
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// Memory is what the process holds: resident bytes, and bytes of page tables.
func Memory() (resident, pageTables uint64) {
	status, err := os.ReadFile("/proc/self/status")
	Require(err == nil, "/proc/self/status")
	for _, line := range strings.Split(string(status), "\n") {
		fields := strings.Fields(line)
		if len(fields) == 3 && (fields[0] == "VmRSS:" || fields[0] == "VmPTE:") {
			kibibytes, _ := strconv.ParseUint(fields[1], 10, 64)
			if fields[0] == "VmRSS:" {
				resident = kibibytes << 10
			} else {
				pageTables = kibibytes << 10
			}
		}
	}
	return resident, pageTables
}
