"""From scores to alarms: smoothing, thresholds, life cycle."""
