"""The whole-stream test: alarms of the runtime on long scenes against what really happened."""
