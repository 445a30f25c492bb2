package expr

// Variable is the variable that the path starts from, without its $; empty where it starts elsewhere.
func (p *Path) Variable() string { return p.variable }

// Variables are those that the call's paths start from.
func (c *Call) Variables() []string {
	var list []string
	for _, a := range c.args {
		if a.path != nil && a.path.variable != "" {
			list = append(list, a.path.variable)
		}
		if a.call != nil {
			list = append(list, a.call.Variables()...)
		}
	}
	return list
}

// Variables are those that the paths in the template start from.
func (t *Template) Variables() []string { return t.node.variables() }

func (n *node) variables() []string {
	var list []string
	if n.path != nil && n.path.variable != "" {
		list = append(list, n.path.variable)
	}
	if n.call != nil {
		list = append(list, n.call.Variables()...)
	}
	for i := range n.parts {
		list = append(list, n.parts[i].variables()...)
	}
	return list
}
