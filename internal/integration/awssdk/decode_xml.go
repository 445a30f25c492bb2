package awssdk

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/tutti-ml/tutti/internal/awsmodel"
	"github.com/tutti-ml/tutti/internal/value"
)

// maxXMLDepth is how deep the elements of an answer may stand in one another; no model comes near it.
const maxXMLDepth = 200

// element is an element of an answer in XML. Namespaces mean nothing here.
type element struct {
	name  string
	attrs []xml.Attr
	inner []*element
	text  string
}

// parseXML reads a document. Entities other than XML's own are errors: nothing is ever fetched or expanded.
func parseXML(body []byte) (*element, error) {
	d := xml.NewDecoder(bytes.NewReader(body))
	var stack []*element
	for {
		t, err := d.Token()
		if err == io.EOF {
			return nil, io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			e := &element{name: t.Name.Local, attrs: t.Attr}
			if len(stack) == maxXMLDepth {
				return nil, fmt.Errorf("its elements stand more than %d deep in one another", maxXMLDepth)
			}
			if len(stack) > 0 {
				parent := stack[len(stack)-1]
				parent.inner = append(parent.inner, e)
			}
			stack = append(stack, e)
		case xml.CharData:
			if len(stack) > 0 {
				stack[len(stack)-1].text += string(t)
			}
		case xml.EndElement:
			if len(stack) == 1 {
				return stack[0], nil
			}
			stack = stack[:len(stack)-1]
		case xml.Directive:
			return nil, errors.New("it declares a document type")
		}
	}
}

// child is the first element of a name directly below e; nil: there is none.
func (e *element) child(name string) *element {
	for _, c := range e.inner {
		if c.name == name {
			return c
		}
	}
	return nil
}

func (e *element) children(name string) []*element {
	var all []*element
	for _, c := range e.inner {
		if c.name == name {
			all = append(all, c)
		}
	}
	return all
}

// find is the first element of a name at any depth; nil: there is none.
func (e *element) find(name string) *element {
	if e.name == name {
		return e
	}
	for _, c := range e.inner {
		if found := c.find(name); found != nil {
			return found
		}
	}
	return nil
}

// xmlFields are the members of a structure as an element has them.
func (r resource) xmlFields(s *awsmodel.Shape, e *element) []value.Member {
	var fields []value.Member
	for name, m := range s.Members {
		if m.Location != "" {
			continue
		}
		if v := r.fromElement(wireName(name, m), m, e); !v.IsAbsent() {
			fields = append(fields, value.Member{Name: r.spelling(name), Value: v})
		}
	}
	return fields
}

// fromElement is a member as its structure's element e has it; absent: it does not.
func (r resource) fromElement(name string, m *awsmodel.Member, e *element) value.Value {
	if m.XMLAttribute {
		_, local, _ := strings.Cut(":"+name, ":")
		if i := strings.LastIndexByte(local, ':'); i >= 0 {
			local = local[i+1:]
		}
		for _, a := range e.attrs {
			if a.Name.Local == local {
				return r.fromText(m.Shape, a.Value)
			}
		}
		return value.Value{}
	}
	if m.Flattened || m.Shape.Flattened {
		if m.Shape.Type == awsmodel.List && m.Shape.Item.LocationName != "" && m.LocationName == "" {
			name = m.Shape.Item.LocationName
		}
		if all := e.children(name); len(all) > 0 {
			return r.fromRepeated(m.Shape, all)
		}
		return value.Value{}
	}
	if found := e.child(name); found != nil {
		return r.fromXML(m.Shape, found)
	}
	return value.Value{}
}

// fromRepeated is a flattened list or map, whose elements stand beside one another.
func (r resource) fromRepeated(s *awsmodel.Shape, all []*element) value.Value {
	if s.Type == awsmodel.Map {
		return r.fromEntries(s, all)
	}
	var items []value.Value
	for _, e := range all {
		items = append(items, r.fromXML(s.Item.Shape, e))
	}
	return value.NewArray(items...)
}

func (r resource) fromEntries(s *awsmodel.Shape, entries []*element) value.Value {
	key, val := entryNames(s)
	v := value.EmptyObject
	for _, e := range entries {
		if k, inner := e.child(key), e.child(val); k != nil && inner != nil {
			v = v.With(k.text, r.fromXML(s.Value.Shape, inner))
		}
	}
	return v
}

func (r resource) fromXML(s *awsmodel.Shape, e *element) value.Value {
	switch s.Type {
	case awsmodel.Structure:
		return sorted(r.xmlFields(s, e))
	case awsmodel.List:
		var items []value.Value
		for _, inner := range e.inner { // whatever they are called: member, item or a name of the list's own
			items = append(items, r.fromXML(s.Item.Shape, inner))
		}
		return value.NewArray(items...)
	case awsmodel.Map:
		return r.fromEntries(s, e.inner)
	}
	return r.fromText(s, e.text)
}
