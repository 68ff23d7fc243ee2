package main

import "context"

func gate(ctx context.Context, update bool) error { return nil }
