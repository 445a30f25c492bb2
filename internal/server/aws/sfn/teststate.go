package sfn

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/server/aws"
	"github.com/tutti-ml/tutti/internal/uuid"
	"github.com/tutti-ml/tutti/internal/value"
)

func (s *service) testStateActions() map[string]aws.Action {
	mock := aws.Structure("MockInput",
		aws.Optional("result", dataShape),
		aws.Optional("errorOutput", aws.Structure("MockErrorOutput", aws.Optional("error", errorShape), aws.Optional("cause", causeShape))),
		aws.Optional("fieldValidationMode", aws.Enum(string(mockStrict), string(mockPresent), string(mockNone))))
	configuration := aws.Structure("TestStateConfiguration",
		aws.Optional("retrierRetryCount", aws.Integer(0, -1)),
		aws.Optional("errorCausedByState", aws.Sensitive(1, 80)),
		aws.Optional("mapIterationFailureCount", aws.Integer(0, -1)),
		aws.Optional("mapItemReaderData", dataShape))
	return map[string]aws.Action{
		"TestState": {Do: s.testState, Input: input("TestState",
			aws.Required("definition", definitionShape),
			aws.Optional("roleArn", arnShape),
			aws.Optional("input", dataShape),
			aws.Optional("inspectionLevel", aws.Enum("INFO", "DEBUG", "TRACE")),
			aws.Optional("revealSecrets", aws.Boolean()),
			aws.Optional("variables", dataShape),
			aws.Optional("stateName", aws.Sensitive(1, 80)),
			aws.Optional("mock", mock),
			aws.Optional("context", dataShape),
			aws.Optional("stateConfiguration", configuration))},
	}
}

// stateTest is one call of TestState.
type stateTest struct {
	*service
	in         value.Value
	definition *asl.Definition
	name       string // of the state
	state      asl.StateInfo
	mock       *run.Outcome  // nil: none
	exchange   *HTTPExchange // nil: none
	texts      texts
}

func (s *service) testState(ctx context.Context, in value.Value) (value.Value, error) {
	t := &stateTest{service: s, in: in, name: asl.StateNamed}
	if err := t.compile(); err != nil {
		return value.Value{}, err
	}
	if err := t.readMock(); err != nil {
		return value.Value{}, err
	}
	if in.At("revealSecrets").Bool() && !by(ctx).Admin {
		return value.Value{}, errDenied.of("User: " + by(ctx).Owner + " is not authorized to perform: states:RevealSecrets")
	}
	setup, err := t.setup()
	if err != nil {
		return value.Value{}, err
	}
	trial := t.definition.Try(t.name, setup)
	if items := trial.Items(); items >= 0 && setup.FailedIterations > items {
		return value.Value{}, errValidation.of("The number of failed Map iterations cannot exceed the number of items in the input.")
	}
	if order := trial.Needs(); order != nil {
		outcome, err := t.outcome(ctx, order)
		if err != nil {
			return value.Value{}, err
		}
		trial.End(outcome)
	}
	return t.answer(trial.Result()), nil
}

// compile reads the definition: of one state, or of a state machine with the state that stateName names.
func (t *stateTest) compile() (err error) {
	source := []byte(t.in.At("definition").Text())
	name, whole := given(t.in, "stateName")
	if !whole {
		t.definition, err = asl.CompileState(source)
	} else {
		t.name = name.Text()
		t.definition, err = asl.Compile(source)
	}
	problems := run.Problems(nil)
	switch {
	case errors.As(err, &problems):
		return errInvalidDefinition.of(asl.Refusal(source, problems))
	case err != nil:
		return err
	}
	var ok bool
	if t.state, ok = t.definition.State(t.name); !ok {
		return errValidation.of("State not found in definition")
	}
	return nil
}

// readMock reads the mock, and refuses one that does not fit the state, or the lack of one that it needs.
func (t *stateTest) readMock() error {
	mock, ok := given(t.in, "mock")
	if !ok {
		return t.checkUnmocked()
	}
	branched := t.state.Type == "Map" || t.state.Type == "Parallel"
	if t.state.Type != "Task" && !branched {
		return errValidation.of("State type '" + t.state.Type + "' is not supported when a mock is specified")
	}
	if t.in.At("revealSecrets").Bool() {
		return errValidation.of("TestState does not support RevealSecrets when a mock is specified.")
	}
	result, hasResult := given(mock, "result")
	failure, hasFailure := given(mock, "errorOutput")
	if hasResult == hasFailure {
		return errValidation.of("A test mock should have only one of the following fields: [result, errorOutput].")
	}
	t.mock = &run.Outcome{}
	if hasFailure {
		*t.mock = run.Fail(failure.At("error").Text(), failure.At("cause").Text())
		return t.checkOrigin()
	}
	v, err := t.texts.parse(result.Text())
	if err != nil {
		return errValidation.of("Mocked result must be valid JSON")
	}
	*t.mock = run.Done(v)
	if branched {
		return t.checkBranches(v)
	}
	mode := mockStrict
	if m, ok := given(mock, "fieldValidationMode"); ok {
		mode = mockMode(m.Text())
	}
	if fault := checkMock(t.state.Resource, mode, v); fault != "" {
		return errValidation.of(fault)
	}
	return nil
}

// checkUnmocked refuses what is only tested with a mock.
func (t *stateTest) checkUnmocked() error {
	if _, ok := given(t.in, "context"); ok {
		return errValidation.of("Context can only be specified when a mock is specified.")
	}
	if _, ok := given(t.in, "stateConfiguration"); ok {
		return errValidation.of("StateConfiguration can only be specified when a mock is specified.")
	}
	switch t.state.Type {
	case "Map", "Parallel":
		return &aws.Error{Code: errInvalidDefinition.code,
			Message: "TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]"}
	case "Task":
		if _, ok := given(t.in, "roleArn"); !ok {
			return errValidation.of("RoleArn must be specified when testing a Task state")
		}
		if needsMock(t.state.Resource) {
			return errValidation.of("TestState supports activities, .sync and .waitForTaskToken only when a mock is specified.")
		}
	}
	return nil
}

// needsMock reports whether a resource's tasks end later than its call, which TestState does not wait for.
func needsMock(resource string) bool {
	_, pattern, _ := strings.Cut(resource[strings.LastIndexByte(resource, ':')+1:], ".")
	if strings.HasSuffix(resource, ".sync:2") {
		pattern = "sync"
	}
	return pattern == "sync" || pattern == "waitForTaskToken" || strings.Contains(resource, ":activity:")
}

// checkOrigin refuses a failure that is said to come from a state that is not inside.
func (t *stateTest) checkOrigin() error {
	if origin, ok := given(t.in.At("stateConfiguration"), "errorCausedByState"); ok && !t.definition.Within(origin.Text(), t.name) {
		return errValidation.of("State not found in definition")
	}
	return nil
}

// checkBranches refuses results that a Map or a Parallel cannot have.
func (t *stateTest) checkBranches(v value.Value) error {
	switch {
	case t.state.Writes && v.Kind() != value.Object:
		return errValidation.of("Mocked result must be a JSON object.")
	case !t.state.Writes && v.Kind() != value.Array:
		return errValidation.of("Mocked result must be an array.")
	case t.state.Type == "Parallel" && v.Len() != t.state.Branches:
		return errValidation.of("Mocked result must contain the same number of items as number of Parallel branches.")
	}
	return nil
}

// setup is what the state is tried with.
func (t *stateTest) setup() (asl.TrialSetup, error) {
	site, machine := t.Catalog.Site, uuid.New()
	setup := asl.TrialSetup{
		ExecutionARN: t.Catalog.ARN("states", typeExpress+":"+machine+":"+uuid.New()),
		RoleARN:      t.in.At("roleArn").Text(),
		Token:        uuid.New(),
		Now:          t.now(),
		Entropy:      t.Rand(),
	}
	if setup.RoleARN == "" {
		setup.RoleARN = "arn:aws:iam::" + site.Account + ":role/TestState"
	}
	setup.Input = value.EmptyObject
	if text, ok := given(t.in, "input"); ok {
		v, err := t.texts.parse(text.Text())
		if err != nil {
			return setup, errInvalidInput.of(asl.SyntaxFault([]byte(text.Text()), err))
		}
		setup.Input = v
	}
	for name, field := range map[string]*value.Value{"variables": &setup.Variables, "context": &setup.Context} {
		text, ok := given(t.in, name)
		if !ok {
			continue
		}
		v, err := value.Parse([]byte(text.Text()))
		if err != nil || v.Kind() != value.Object {
			return setup, errValidation.of("The " + name + " must be a JSON object.")
		}
		*field = v
	}
	configuration := t.in.At("stateConfiguration")
	setup.Retries = whole(setup.Context.At("State", "RetryCount"))
	if n, ok := given(configuration, "retrierRetryCount"); ok {
		setup.Retries = whole(n)
	}
	setup.FailedIterations = whole(configuration.At("mapIterationFailureCount"))
	if data, ok := given(configuration, "mapItemReaderData"); ok {
		setup.Read = func(reader value.Value) (value.Value, error) { return t.ReadItems(reader, data.Text()) }
	}
	return setup, nil
}

// whole is a number that is not negative; 0 where v is none.
func whole(v value.Value) int {
	n, _ := v.Int64()
	return int(max(n, 0))
}

// outcome is the mock, or what the task really gives.
func (t *stateTest) outcome(ctx context.Context, order *run.StartTask) (run.Outcome, error) {
	if t.mock != nil {
		return *t.mock, nil
	}
	if order.Resource == httpInvoke && t.in.At("inspectionLevel").Text() == "TRACE" {
		return t.callHTTP(ctx, order), nil
	}
	return t.carryOut(ctx, order)
}

// answer is what became of the state.
func (t *stateTest) answer(r asl.TrialResult) value.Value {
	members := []value.Member{
		text("status", string(r.Status)), words("nextState", r.Next), t.texts.member("output", r.Output),
	}
	if r.Failure != nil {
		members = append(members, words("error", r.Failure.Error), words("cause", r.Failure.Cause))
	}
	if level := t.in.At("inspectionLevel").Text(); level == "DEBUG" || level == "TRACE" {
		members = append(members, of("inspectionData", t.inspection(r)))
	}
	return object(members...)
}

// inspection is the data on the way through the state. Lists of items stand apart, each item in its own text.
func (t *stateTest) inspection(r asl.TrialResult) value.Value {
	var members []value.Member
	for i, v := range r.Stages {
		switch at := asl.Stage(i); {
		case at.IsNumber():
			members = append(members, of(at.String(), v))
		case at.IsList() && v.Kind() == value.Array:
			members = append(members, text(at.String(), listed(v)))
		default:
			members = append(members, t.texts.member(at.String(), v))
		}
	}
	if t.exchange != nil {
		members = append(members, t.exchange.members()...)
	}
	if details := handled(r.Handled); details.Len() > 0 {
		members = append(members, of("errorDetails", details))
	}
	return object(members...)
}

func handled(h asl.Handled) value.Value {
	var members []value.Member
	add := func(name string, n int64) { members = append(members, of(name, value.NewInt(n))) }
	if h.Catcher >= 0 {
		add("catchIndex", int64(h.Catcher))
	}
	if h.Retrier >= 0 {
		add("retryIndex", int64(h.Retrier))
	}
	if h.Backoff > 0 {
		add("retryBackoffIntervalSeconds", int64(h.Backoff/time.Second))
	}
	return object(members...)
}

// texts are JSON values with the texts that they came in. What comes back as it came has its text then, blanks included.
type texts []writtenValue

type writtenValue struct {
	digest value.Digest
	text   string
}

func (t *texts) parse(text string) (value.Value, error) {
	v, err := value.Parse([]byte(text))
	if err == nil {
		*t = append(*t, writtenValue{v.Digest(), strings.TrimSpace(text)})
	}
	return v, err
}

// member is v as text; left out where it is absent.
func (t texts) member(name string, v value.Value) value.Member {
	if v.IsAbsent() {
		return value.Member{Name: name}
	}
	digest := v.Digest()
	for _, w := range t {
		if w.digest == digest {
			return text(name, w.text)
		}
	}
	return text(name, v.JSON())
}

// listed is an array as AWS writes one of items: each item's JSON, a comma and a blank between them.
func listed(v value.Value) string {
	items := make([]string, 0, v.Len())
	for _, e := range v.Elements() {
		items = append(items, e.JSON())
	}
	return "[" + strings.Join(items, ", ") + "]"
}
