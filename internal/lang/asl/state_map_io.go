package asl

import (
	"slices"

	"github.com/tutti-ml/tutti/internal/value"
)

// itemReader is an ItemReader: where a distributed Map's items lie, and how they are written there.
type itemReader struct {
	resource  string
	arguments template // Parameters, or Arguments of JSONata; nil: none

	// ReaderConfig. What the file leaves out is empty.
	inputType      string
	headerLocation string
	headers        template
	delimiter      string
	pointer        text // ItemsPointer
	transformation string
	manifest       string // ManifestType
	maxItems       amount
}

// The resources of readers and writers.
const (
	resourceGetObject   = "arn:aws:states:::s3:getObject"
	resourceListObjects = "arn:aws:states:::s3:listObjectsV2"
	resourcePutObject   = "arn:aws:states:::s3:putObject"
)

func (o *object) itemReader() *itemReader {
	r := o.object("ItemReader", optional)
	if r == nil {
		return nil
	}
	defer r.close()
	r.required("Resource")
	reader := &itemReader{resource: r.ioResource(resourceGetObject, resourceListObjects)}
	reader.arguments = r.template(r.argumentsField())
	c := r.object("ReaderConfig", optional)
	if c == nil {
		if reader.resource == resourceGetObject {
			r.required("ReaderConfig")
		}
		return reader
	}
	defer c.close()
	reader.config(c)
	return reader
}

// ioResource is Resource, one of those that items and results can come from or go to; empty where it is left out or wrong.
func (o *object) ioResource(names ...string) string {
	s, ok := o.string("Resource")
	if ok && !slices.Contains(names, s) {
		o.hinted("Resource", suggest(s, names), "The field 'Resource' does not match any of the allowed values")
		return ""
	}
	return s
}

// argumentsField is what the arguments of a call are called in the object's query language.
func (o *object) argumentsField() string {
	if o.data {
		o.other("Parameters")
		return "Arguments"
	}
	o.other("Arguments")
	return "Parameters"
}

// config reads ReaderConfig.
func (r *itemReader) config(c *object) {
	r.inputType, _ = c.choose("InputType", "CSV", "JSON", "JSONL", "MANIFEST", "PARQUET")
	r.transformation, _ = c.choose("Transformation", "NONE", "LOAD_AND_FLATTEN")
	r.manifest, _ = c.choose("ManifestType", "ATHENA_DATA", "S3_INVENTORY")
	r.maxItems = c.amount("MaxItems", 0, maxReadItems)
	r.pointer = c.text("ItemsPointer")
	if r.inputType != "JSON" && r.inputType != "JSONL" {
		r.csv(c)
	}
	switch {
	case r.inputType == "PARQUET":
		c.fault("InputType", "PARQUET is not supported here: write the data as CSV, JSON or JSONL")
	case r.resource == resourceListObjects && r.transformation == "LOAD_AND_FLATTEN":
		c.required("InputType")
	case r.resource == resourceGetObject && r.manifest != "S3_INVENTORY":
		c.required("InputType")
	case r.manifest == "S3_INVENTORY" && r.inputType != "" && r.inputType != "MANIFEST":
		c.fault("InputType", "An S3_INVENTORY is CSV by itself: leave InputType out")
	}
}

// csv reads how CSV is written.
func (r *itemReader) csv(c *object) {
	r.headerLocation, _ = c.choose("CSVHeaderLocation", "FIRST_ROW", "GIVEN")
	r.delimiter, _ = c.choose("CSVDelimiter", "COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB")
	if c.data {
		r.headers = c.template("CSVHeaders")
	} else {
		r.headers = c.texts("CSVHeaders")
	}
	switch {
	case r.inputType == "CSV" && !c.has("CSVHeaderLocation"):
		c.fault("", "The field 'CSVHeaderLocation' is required")
	case r.headerLocation == "GIVEN":
		c.required("CSVHeaders")
	}
}

// maxReadItems is the most that a reader reads: Step Functions' own bound.
const maxReadItems = 100_000_000

// texts is an array of texts; nil where it is left out or wrong.
func (o *object) texts(name string) template {
	list, ok := o.of(name, value.Array)
	if !ok {
		return nil
	}
	for i, v := range list.Elements() {
		if v.Kind() != value.String {
			o.c.problem(o.at.at(name).index(i), codeSchema, textType, typeName(value.String))
			return nil
		}
	}
	return literalJSON(list)
}

// of is what the reading task gets: the reader with everything evaluated; Absent where there is no reader.
func (r *itemReader) of(s *step, input value.Value) (v value.Value, err error) {
	if r == nil {
		return v, nil
	}
	var arguments, headers, limit value.Value
	if r.arguments != nil {
		if arguments, err = r.arguments.eval(s, input); err != nil {
			return v, err
		}
	}
	if r.headers != nil {
		if headers, err = r.headers.eval(s, input); err != nil {
			return v, err
		}
	}
	pointer, err := r.pointer.of(s)
	if err != nil {
		return v, err
	}
	if limit, err = r.maxItems.of(s, input); err != nil {
		return v, err
	}
	return details(
		words("Resource", r.resource),
		member("Arguments", arguments),
		words("InputType", r.inputType),
		words("CSVHeaderLocation", r.headerLocation),
		member("CSVHeaders", headers),
		words("CSVDelimiter", r.delimiter),
		words("ItemsPointer", pointer),
		words("Transformation", r.transformation),
		words("ManifestType", r.manifest),
		member("MaxItems", limit),
		words("MaxItemsPath", r.maxItems.source()),
	), nil
}

// resultWriter is a ResultWriter: where the results of a distributed Map go, and in which form.
type resultWriter struct {
	resource       string // empty: to the state's result
	arguments      template
	outputType     string
	transformation string
}

func (o *object) resultWriter() *resultWriter {
	w := o.object("ResultWriter", optional)
	if w == nil {
		return nil
	}
	defer w.close()
	field := w.argumentsField()
	writer := &resultWriter{resource: w.ioResource(resourcePutObject), arguments: w.template(field)}
	switch {
	case w.has("Resource"):
		w.required(field)
	case w.has(field):
		w.required("Resource")
	case !w.has("WriterConfig"):
		w.required("Resource", field)
	}
	if c := w.object("WriterConfig", optional); c != nil {
		c.required("Transformation", "OutputType")
		writer.outputType, _ = c.choose("OutputType", "JSON", "JSONL")
		writer.transformation, _ = c.choose("Transformation", "NONE", "COMPACT", "FLATTEN")
		c.close()
	}
	return writer
}

// of is what the task gets that collects or writes the results; Absent where there is no writer.
func (w *resultWriter) of(s *step, input value.Value) (v value.Value, err error) {
	if w == nil {
		return v, nil
	}
	var arguments value.Value
	if w.arguments != nil {
		if arguments, err = w.arguments.eval(s, input); err != nil {
			return v, err
		}
	}
	return details(
		words("Resource", w.resource),
		member("Arguments", arguments),
		words("OutputType", w.outputType),
		words("Transformation", w.transformation),
	), nil
}
