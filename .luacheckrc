std = "luajit"
max_line_length = 100
max_cyclomatic_complexity = 10

files["spec"].std = "+busted"
-- The body of a describe is a list of cases, not one function with branches.
files["spec"].max_cyclomatic_complexity = false
-- What a case says stands in one string, however long the sentence is.
files["spec"].max_string_line_length = 120
