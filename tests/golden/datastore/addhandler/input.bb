addhandler h i
python h() {
    pass
}
python i() {
    pass
}
h[eventmask] = "bb.event.BuildStarted"
i[eventmask] = "bb.event.BuildCompleted"
