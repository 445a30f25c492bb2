package mapdata

import (
	"io"
	"strings"

	"github.com/tutti-ml/tutti/internal/value"
)

// Parse is the items that a reader, evaluated, finds in a text that stands for what it would read: the contents of one
// object, or a listing as an array. They are an array, or an object where the text is one.
func Parse(reader value.Value, text string) (value.Value, error) {
	s, err := newSpec(reader)
	if err != nil {
		return value.Value{}, err
	}
	all, err := s.format.items(strings.NewReader(text), cursor{})
	if err != nil {
		return value.Value{}, err
	}
	var p piece
	for int64(p.count()) < s.max {
		i, err := all.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return value.Value{}, err
		}
		p.add(i)
	}
	return p.value(), nil
}
