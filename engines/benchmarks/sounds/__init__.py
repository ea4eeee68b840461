"""What the sound suite is made of: waveforms, features, baselines, and a YAMNet that is tuned."""
