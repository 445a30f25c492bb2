package expr

import "github.com/tutti-ml/tutti/internal/value"

// Scope is what an expression can see. A Scope belongs to one goroutine.
type Scope struct {
	Input   value.Value                           // "$"
	Context func() value.Value                    // "$$"; called when first needed, at most once; may be nil
	Var     func(name string) (value.Value, bool) // "$name", the workflow's variables; may be nil
	Entropy uint64                                // what States.UUID and an unseeded States.MathRandom are derived from

	context value.Value // Context's answer
	visits  int         // of values by paths so far
	draws   uint64      // how many numbers were derived from Entropy
}

// contextObject is the value of "$$".
func (s *Scope) contextObject() value.Value {
	if s.context.IsAbsent() && s.Context != nil {
		s.context = s.Context()
	}
	return s.context
}

// draw is the next number of the stream that Entropy names (SplitMix64).
func (s *Scope) draw() uint64 {
	s.draws++
	z := s.Entropy + s.draws*0x9E3779B97F4A7C15
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}
