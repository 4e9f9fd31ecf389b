from cs231n.classifiers.softmax import *
