"""Did I get it right, and if not, what is the usual mistake?

Here stand the checks of what a learner writes in a lab's last part, one module per week: each
compares the learner's function with the right values and names the mistake it recognises.
"""
