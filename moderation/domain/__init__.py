"""The words of the house: values and pure rules, standard library only."""
