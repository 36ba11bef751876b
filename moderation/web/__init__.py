"""The edge that speaks HTTP: parse, call one action, render."""
