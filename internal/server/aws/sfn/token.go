package sfn

import (
	"context"
	"errors"
	"time"

	"github.com/tutti-ml/tutti/internal/activity"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/lang/asl"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/server/aws"
	"github.com/tutti-ml/tutti/internal/value"
)

// pollFor is how long a worker waits for a task, as on AWS.
const pollFor = time.Minute

func (s *service) tokenActions() map[string]aws.Action {
	token := aws.Required("taskToken", aws.Text(1, 2048))
	return map[string]aws.Action{
		"GetActivityTask": {Do: s.getActivityTask, Input: input("GetActivityTask",
			aws.Required("activityArn", arnShape),
			aws.Optional("workerName", nameShape))},
		"SendTaskSuccess": {Do: s.sendTaskSuccess, Input: input("SendTaskSuccess", token,
			aws.Required("output", dataShape))},
		"SendTaskFailure": {Do: s.sendTaskFailure, Input: input("SendTaskFailure", token,
			aws.Optional("error", errorShape),
			aws.Optional("cause", causeShape))},
		"SendTaskHeartbeat": {Do: s.sendTaskHeartbeat, Input: input("SendTaskHeartbeat", token)},
	}
}

// getActivityTask hands out a task of an activity. Its answer is empty where there was none for as long as a worker waits.
func (s *service) getActivityTask(ctx context.Context, in value.Value) (value.Value, error) {
	o, err := s.findActivity(ctx, in.At("activityArn").Text())
	if err != nil {
		return value.Value{}, err
	}
	poll, cancel := context.WithTimeout(ctx, pollFor)
	defer cancel()
	worker := object(words("workerName", in.At("workerName").Text()))
	for {
		w, err := s.Activities.Next(poll, o.Name, s.Quotas.Pollers)
		if errors.Is(err, activity.ErrFull) {
			return value.Value{}, errTooManyWorkers
		}
		if err != nil {
			return value.EmptyObject, nil
		}
		answer, err := s.take(ctx, w, worker)
		if !errors.Is(err, kernel.ErrTaskClosed) {
			return answer, err
		}
	}
}

// take gives a worker a task. Where the worker is gone before it got its answer, the next one gets the task; that it was
// started stays so.
func (s *service) take(ctx context.Context, w activity.Task, worker value.Value) (value.Value, error) {
	token, payload, err := s.Kernel.TakeTask(ctx, w.Run, w.ID, worker)
	switch {
	case errors.Is(err, kernel.ErrTaskClosed):
		s.Activities.Done(w)
		return value.Value{}, err
	case err != nil:
		s.Activities.Return(w)
		return value.Value{}, s.explain(err)
	case ctx.Err() != nil:
		s.Activities.Return(w)
		return value.Value{}, ctx.Err()
	}
	s.Activities.Done(w)
	return object(text("taskToken", token), text("input", payload.JSON())), nil
}

func (s *service) sendTaskSuccess(ctx context.Context, in value.Value) (value.Value, error) {
	token := in.At("taskToken").Text()
	output, err := value.Parse([]byte(in.At("output").Text()))
	if err != nil {
		if !s.Kernel.IsToken(token) {
			return value.Value{}, explainToken(kernel.ErrToken)
		}
		return value.Value{}, errInvalidOutput.of(asl.SyntaxFault([]byte(in.At("output").Text()), err))
	}
	return value.Value{}, s.endTask(ctx, token, run.Done(output))
}

func (s *service) sendTaskFailure(ctx context.Context, in value.Value) (value.Value, error) {
	return value.Value{}, s.endTask(ctx, in.At("taskToken").Text(), run.Fail(in.At("error").Text(), in.At("cause").Text()))
}

func (s *service) endTask(ctx context.Context, token string, o run.Outcome) error {
	return s.explain(explainToken(s.Kernel.EndTask(ctx, token, o)))
}

func (s *service) sendTaskHeartbeat(ctx context.Context, in value.Value) (value.Value, error) {
	return value.Value{}, s.explain(explainToken(s.Kernel.BeatTask(ctx, in.At("taskToken").Text())))
}

// explainToken turns what the kernel has against a token into the API's errors.
func explainToken(err error) error {
	switch {
	case errors.Is(err, kernel.ErrToken):
		return errInvalidToken.of("Invalid token")
	case errors.Is(err, kernel.ErrTaskClosed):
		return errTaskTimedOut.of("Provided task does not exist anymore")
	}
	return err
}
