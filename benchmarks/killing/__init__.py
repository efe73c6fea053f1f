"""What chaos.py does: launch, strike, judge, report."""
