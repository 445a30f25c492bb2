module github.com/tutti-ml/tutti/tools/awsmodel

go 1.26.0

require github.com/aws/aws-sdk-go v1.55.8
