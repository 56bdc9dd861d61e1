addtask o p after q before r before s after t u
