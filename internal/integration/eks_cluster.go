package integration

import (
	"context"
	"errors"

	"github.com/tutti-ml/tutti/internal/catalog"
	"github.com/tutti-ml/tutti/internal/kernel"
	"github.com/tutti-ml/tutti/internal/manifest"
	"github.com/tutti-ml/tutti/internal/run"
	"github.com/tutti-ml/tutti/internal/store"
)

// errNoCluster is what EKS answers for a cluster that is not there.
const errNoCluster = "Eks.ResourceNotFoundException"

// describeCluster is aws-sdk:eks:describeCluster. It reads the catalogue, so doing it twice is harmless.
type describeCluster struct{ *Deps }

// Class implements kernel.Integration.
func (*describeCluster) Class() kernel.Class { return kernel.Idempotent }

// Do implements kernel.Doer.
func (d *describeCluster) Do(ctx context.Context, t kernel.Task, _ func()) run.Outcome {
	name := t.Order.Payload.At("Name").Text()
	if name == "" {
		return run.Fail("Eks.InvalidParameterException", "Parameters.Name is missing: name the cluster")
	}
	o, err := d.Catalog.Resolve(ctx, caller(t), manifest.KindCluster, name)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, catalog.ErrInvalid) {
		return run.Fail(errNoCluster, "No cluster found for name: "+name+". ("+err.Error()+")")
	}
	if err != nil {
		return run.Fail(run.ErrInternal, err.Error())
	}
	return run.Done(object("Cluster", object(
		"Arn", d.Catalog.ARNOf(manifest.KindCluster, o.Name),
		"CertificateAuthority", object("Data", o.Data.At("certificateAuthority", "data")),
		"CreatedAt", timestamp(o.Created),
		"Endpoint", o.Data.At("endpoint"),
		"Name", o.Name,
		"Status", "ACTIVE",
		"Tags", shownTags(o.Labels),
		"Version", textOrAbsent(o.Data.At("version").Text()),
	)))
}
