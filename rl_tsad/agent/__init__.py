"""The PPO agent: observe, train, act."""
