// SPDX-License-Identifier: MIT

// skynet with Go: the children of a node send to one channel with room for all of them. Fair: so does the original,
// which was written in Go, with an unbuffered one.
package main

import (
	_ "embed"

	bench "../go"
)

//go:embed params.hpp
var params string

func sumOf(first, leaves, children uint64, result chan<- uint64) {
	if leaves == 1 {
		result <- first
		return
	}
	below := make(chan uint64, children)
	each := leaves / children
	for i := uint64(0); i < children; i++ {
		go sumOf(first+i*each, each, children, below)
	}
	var sum uint64
	for i := uint64(0); i < children; i++ {
		sum += <-below
	}
	result <- sum
}

// Whether there is a tree with so many leaves.
func isPossible(leaves, children uint64) bool {
	for leaves > 1 && leaves%children == 0 {
		leaves /= children
	}
	return leaves == 1
}

func main() {
	p := bench.New("skynet", params)
	children := p.Param("children")
	p.Measure("per_leaf", func(leaves uint64) float64 {
		bench.Require(isPossible(leaves, children), "no power of ten")
		var sum uint64
		each := bench.TimeEach(leaves, func() {
			result := make(chan uint64)
			go sumOf(0, leaves, children, result)
			sum = <-result
		})
		bench.Require(sum == leaves*(leaves-1)/2, "the sum is not that of the leaves")
		return each
	})
}
