print("epoch 1")
print("OutOfMemory on device 0")
raise SystemExit(1)
