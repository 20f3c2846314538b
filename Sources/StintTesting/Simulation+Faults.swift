internal import StintCore

/// What goes wrong now and then.
enum SimulatedFault {
  case crash, pause, outage, clockJump, deploy
}

extension Simulation {
  mutating func planFaults() {
    for (fault, mean) in [
      (SimulatedFault.crash, plan.crashes), (.pause, plan.pauses), (.outage, plan.outages),
      (.clockJump, plan.clockJumps), (.deploy, plan.deploys),
    ] {
      guard let mean else { continue }
      var time = random.between(0, 2 * mean)
      while time < plan.healsAt {
        schedule(.fault(fault), at: time)
        time += random.between(mean / 10, 2 * mean)
      }
    }
  }

  mutating func strike(_ fault: SimulatedFault) {
    guard !isHealed else { return }
    let process = random.below(processes.count)
    let isUp = processes[process].isAlive && !processes[process].isPaused
    switch fault {
    case .crash:
      if processes[process].isAlive { end(process, "killed", restartAfter: random.skewed(1_000, 5_000_000)) }
    case .pause:
      guard isUp else { return }
      // Often about as long as a lease lasts: then it comes back while others are about to take its jobs.
      let lease = plan.configuration.lease.wholeMicroseconds
      let length = random.chance(0.5) ? random.between(lease * 2 / 3, lease * 3 / 2) : random.skewed(10_000, lease * 3)
      note("paused", process: process, a: length)
      processes[process].isPaused = true
      schedule(.resume(process: process, generation: processes[process].generation), after: length)
    case .outage:
      awayUntil = now + random.skewed(10_000, 8_000_000)
      isAwayAfterEffect = random.chance(0.3)
      note("store away", word: isAwayAfterEffect ? "after the effect" : "", a: awayUntil - now)
    case .clockJump:
      let jump = random.between(-60_000_000, 60_000_000)
      let isShared = random.chance(0.5)
      for each in processes.indices where isShared || each == process { processes[each].wallOffset += jump }
      note("clock set", process: isShared ? -1 : process, a: jump)
    case .deploy:
      guard isUp else { return }
      if random.chance(0.5) { return drain(process) }
      note("stopping", process: process)
      perform(
        processes[process].machine.stop(
          grace: .milliseconds(200), at: wall(process), uptime: uptime(process)), process)
    }
  }

  mutating func resume(_ process: Int, generation: Int) {
    guard processes[process].generation == generation, processes[process].isPaused else { return }
    note("resumed", process: process)
    processes[process].isPaused = false
    redeliver(process)
  }

  /// From here on everything works.
  mutating func heal() {
    note("healed")
    isHealed = true
    awayUntil = 0
    for process in processes.indices {
      processes[process].wallOffset = 0
      resume(process, generation: processes[process].generation)
    }
    auditAll(isOver: false)
  }
}

extension Duration {
  var wholeMicroseconds: Int64 { components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000 }
}
