module github.com/mintage-auth/mintage/bench/peers/consume

go 1.26.0

require (
	github.com/aws/aws-sdk-go-v2 v1.47.6
	github.com/mintage-auth/mintage v0.0.0
	golang.org/x/oauth2 v0.37.0
)

require github.com/aws/smithy-go v1.28.8 // indirect

replace github.com/mintage-auth/mintage => ../../..
