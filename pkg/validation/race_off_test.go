// SPDX-License-Identifier: Apache-2.0

//go:build !race

package validation_test

// raceDetector is on: times and memory are those of the detector.
const raceDetector = false
