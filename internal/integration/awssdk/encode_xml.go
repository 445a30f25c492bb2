package awssdk

import (
	"bytes"
	"encoding/xml"

	"github.com/tutti-ml/tutti/internal/awsmodel"
	"github.com/tutti-ml/tutti/internal/value"
)

// toXML is a value as a document of the rest-xml protocol.
func (r resource) toXML(root string, m *awsmodel.Member, v value.Value) ([]byte, error) {
	var out bytes.Buffer
	w := &xmlWriter{r, xml.NewEncoder(&out)}
	start := w.start(root, m)
	if len(start.Attr) == 0 && r.service.Metadata.XMLNamespace != nil {
		start.Attr = append(start.Attr, xmlns(r.service.Metadata.XMLNamespace))
	}
	if err := w.element(start, m, v); err != nil {
		return nil, err
	}
	if err := w.e.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

type xmlWriter struct {
	r resource
	e *xml.Encoder
}

func xmlns(n *awsmodel.XMLNamespace) xml.Attr {
	name := "xmlns"
	if n.Prefix != "" {
		name += ":" + n.Prefix
	}
	return xml.Attr{Name: xml.Name{Local: name}, Value: n.URI}
}

// start is the first tag of an element, with the namespace that its place or its shape has.
func (w *xmlWriter) start(name string, m *awsmodel.Member) xml.StartElement {
	start := xml.StartElement{Name: xml.Name{Local: name}}
	if m.XMLNamespace != nil {
		start.Attr = append(start.Attr, xmlns(m.XMLNamespace))
	} else if m.Shape.XMLNamespace != nil {
		start.Attr = append(start.Attr, xmlns(m.Shape.XMLNamespace))
	}
	return start
}

func (w *xmlWriter) element(start xml.StartElement, m *awsmodel.Member, v value.Value) error {
	switch s := m.Shape; s.Type {
	case awsmodel.Structure:
		return w.structure(start, s, v)
	case awsmodel.List:
		return w.list(start, m, v)
	case awsmodel.Map:
		return w.mapping(start, m, v)
	}
	return w.e.EncodeElement(w.r.scalar(m, v, iso8601), start)
}

func (w *xmlWriter) structure(start xml.StartElement, s *awsmodel.Shape, v value.Value) error {
	all := w.r.given(s, v)
	for _, g := range all {
		if g.member.XMLAttribute {
			start.Attr = append(start.Attr, xml.Attr{Name: xml.Name{Local: g.wire()}, Value: w.r.scalar(g.member, g.value, iso8601)})
		}
	}
	return w.within(start, func() error {
		for _, g := range all {
			if g.member.XMLAttribute {
				continue
			}
			if err := w.element(w.start(g.wire(), g.member), g.member, g.value); err != nil {
				return err
			}
		}
		return nil
	})
}

// within writes an element around what f writes.
func (w *xmlWriter) within(start xml.StartElement, f func() error) error {
	if err := w.e.EncodeToken(start); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	return w.e.EncodeToken(start.End())
}

func (w *xmlWriter) list(start xml.StartElement, m *awsmodel.Member, v value.Value) error {
	item := m.Shape.Item
	each := func(start xml.StartElement) error {
		for _, inner := range v.Elements() {
			if err := w.element(start, item, inner); err != nil {
				return err
			}
		}
		return nil
	}
	if m.Flattened || m.Shape.Flattened {
		return each(start)
	}
	name := item.LocationName
	if name == "" {
		name = "member"
	}
	return w.within(start, func() error { return each(w.start(name, item)) })
}

func (w *xmlWriter) mapping(start xml.StartElement, m *awsmodel.Member, v value.Value) error {
	key, val := entryNames(m.Shape)
	entries := func(start xml.StartElement) error {
		for k, inner := range v.Members() {
			err := w.within(start, func() error {
				if err := w.e.EncodeElement(k, w.start(key, m.Shape.Key)); err != nil {
					return err
				}
				return w.element(w.start(val, m.Shape.Value), m.Shape.Value, inner)
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
	if m.Flattened || m.Shape.Flattened {
		return entries(start)
	}
	return w.within(start, func() error { return entries(xml.StartElement{Name: xml.Name{Local: "entry"}}) })
}
