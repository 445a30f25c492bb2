package main

func spawn(b *bench) error { return nil }

func runWorker(string, []string) int { return 2 }
