"""What is made of what people do in Slack: buttons, modals, commands and mentions become acts, questions get answers."""
