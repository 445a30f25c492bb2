// Package expr evaluates the expressions of workflow languages over JSON values. At its top are those of the States
// Language in JSONPath mode: paths in Jayway's dialect, reference paths for writing, intrinsic functions and payload
// templates. A further expression language is a package beside these files (expr/jsonata), with the same Scope and Error.
//
// What is parsed is immutable and shared between goroutines; what a text may demand of the evaluator is bounded when it
// is parsed (depth) and when it is evaluated (size). The package reads no clock and no entropy but the Scope's, and knows
// nothing of states, runs or histories.
package expr
