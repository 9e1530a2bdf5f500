"""TRUSTED CORE. What a verdict rests on: from a rule's run to what is proved or refuted of it.

Its rooms, each above those that it imports: `kernel` (theorems), `language` (expressions),
`evaluation` (their exact values), `tracing` (a run as an expression), `claims` (a property of a
rule as a formula), `algebra` (its canonical form), `runs` (the function on NumPy), `judging` (what
refutes), `faithfulness` (whether the trace is what the function does), `proving` (what proves).
"""
