"""The page on which rollouts are begun, watched, paused and stopped."""
