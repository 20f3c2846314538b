import Logging
import NIOCore
import StintCore
import StintEngine

/// What all sockets of a server share: one subscription, each message made once, one state for all who want it.
///
/// It costs nothing while no socket is open. Nothing in it waits for a reader.
final class QueueFeed: Sendable {
  /// How old a state may be that a socket gets. With the events since it was read, it is as good as a new one.
  private static let stateAge: Duration = .milliseconds(250)
  /// Messages since a state was read, and their bytes, until a new one is cheaper. They fit into a socket's buffer.
  private static let maxSince = WebSocket.maxFrames / 2
  private static let maxSinceBytes = WebSocket.maxBytes / 2
  private static let pingInterval: Duration = .seconds(20)
  /// Events that may wait for the feed.
  private static let buffer = 16_384

  /// What sockets were told since the reading of a state began.
  private struct Since {
    private(set) var frames: [ByteBuffer] = []
    private var bytes = 0

    /// Adds frames; false where they are too many.
    mutating func add(_ more: [ByteBuffer]) -> Bool {
      frames += more
      bytes += more.reduce(0) { $0 + $1.readableBytes }
      return frames.count <= maxSince && bytes <= maxSinceBytes
    }
  }

  private struct Snapshot {
    let frame: ByteBuffer
    /// When the reading began.
    let readAt: Duration
    var since: Since
  }

  private struct State {
    var sockets: [ObjectIdentifier: WebSocket] = [:]
    /// Sockets that want a state.
    var waiting: [ObjectIdentifier: WebSocket] = [:]
    /// Whether everyone gets a new state.
    var wantsAll = false
    /// While a state is being read; nil where none is.
    var reading: Since?
    var snapshot: Snapshot?
    var wakesReader: AsyncStream<Void>.Continuation?
    var isStopped = false
    /// Whether anything happened since the figures were read.
    var isNews = false
    /// The figures that everyone has; nil where some have others.
    var stats: Stats?
  }

  private let client: any JobFeed
  private let secrets: SecretParams
  private let inlineBytes: Int
  private let time: any TimeSource
  private let logger: Logger
  private let state = Locked(State())
  private let changes: AsyncStream<Void>
  private let change: AsyncStream<Void>.Continuation

  init(client: any JobFeed, secrets: SecretParams, inlineBytes: Int, time: any TimeSource, logger: Logger) {
    self.client = client
    self.secrets = secrets
    self.inlineBytes = inlineBytes
    self.time = time
    self.logger = logger
    (changes, change) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  // MARK: Sockets

  /// Sockets that are open.
  var count: Int { state.withLock { $0.sockets.count } }

  /// A socket that is to be told everything from now on, beginning with the state.
  func join(_ socket: WebSocket) {
    let isStopped = state.withLock { state in
      guard !state.isStopped else { return true }
      state.sockets[ObjectIdentifier(socket)] = socket
      give(socket, &state)
      return false
    }
    if isStopped { return socket.tell(.close(.goingAway)) }
    change.yield()
  }

  /// A socket that is over.
  func leave(_ socket: WebSocket) {
    state.withLock { state in
      state.sockets[ObjectIdentifier(socket)] = nil
      state.waiting[ObjectIdentifier(socket)] = nil
    }
    change.yield()
  }

  /// A socket that wants the state, for having lost events or because its client asked.
  func wantState(_ socket: WebSocket) {
    state.withLock { state in
      if state.sockets[ObjectIdentifier(socket)] != nil { give(socket, &state) }
    }
  }

  /// Closes all sockets, and those to come.
  func stop() {
    let sockets = state.withLock { state in
      state.isStopped = true
      return Array(state.sockets.values)
    }
    for socket in sockets { socket.tell(.close(.goingAway)) }
  }

  private func give(_ socket: WebSocket, _ state: inout State) {
    if let snapshot = state.snapshot, time.uptime() - snapshot.readAt <= Self.stateAge {
      return socket.deliver(snapshot.frame, since: snapshot.since.frames)
    }
    state.waiting[ObjectIdentifier(socket)] = socket
    state.wakesReader?.yield()
  }

  // MARK: The feed

  /// Serves the sockets until the task is cancelled.
  func run() async {
    var changes = self.changes.makeAsyncIterator()
    while await changes.next() != nil {
      guard count > 0 else { continue }
      // Subscribed first, read after that: what happens meanwhile comes as an event.
      let subscription = client.subscribe(buffer: Self.buffer)
      let (wakes, wake) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
      state.withLock { state in
        state.wakesReader = wake
        state.snapshot = nil
        state.stats = nil
        state.waiting = state.sockets
      }
      wake.yield()
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await self.follow(subscription) }
        group.addTask { await self.readStates(wakes) }
        group.addTask { await self.tick() }
        while count > 0 {
          guard await changes.next() != nil else { break }
        }
        group.cancelAll()
      }
    }
  }

  /// Gives frames to every socket that has a state.
  private func tell(_ frames: [ByteBuffer], isNews: Bool = true) {
    guard !frames.isEmpty else { return }
    state.withLock { state in
      if isNews { state.isNews = true }
      if state.snapshot?.since.add(frames) == false { state.snapshot = nil }
      if state.reading?.add(frames) == false {
        // So much since the reading began: whoever gets that state soon gets another.
        state.reading = Since()
        state.wantsAll = true
      }
      for (id, socket) in state.sockets where state.waiting[id] == nil { socket.offer(frames) }
    }
  }

  private func tellState() {
    state.withLock { state in
      state.isNews = true
      state.wantsAll = true
      state.snapshot = nil
      state.wakesReader?.yield()
    }
  }

  // MARK: Events

  private func follow(_ subscription: Subscription) async {
    var condenser = EventCondenser()
    while !Task.isCancelled {
      let items = await subscription.next(untilUptime: condenser.deadline, time: time)
      let messages = condenser.handle(items, at: time.uptime())
      guard !messages.isEmpty else { continue }
      do throws(StintError) { tell(try await frames(of: messages)) } catch {
        // What is secret in these jobs is not known: the state will tell, once the store can be read.
        tellState()
      }
    }
  }

  private func frames(of messages: [EventCondenser.Message]) async throws(StintError) -> [ByteBuffer] {
    var late: [JobID: Job] = [:]
    let lateIDs = messages.compactMap { message -> JobID? in
      if case .created(let id) = message { return id }
      return nil
    }
    if !lateIDs.isEmpty { for case let job? in try await client.jobs(lateIDs) { late[job.id] = job } }
    let types = Set(messages.compactMap(\.shownType)).union(late.values.map(\.spec.type))
    let secrets = types.isEmpty ? SecretParams.Known.none : try await secrets.read(for: types)
    var frames: [ByteBuffer] = []
    frames.reserveCapacity(messages.count)
    for message in messages {
      switch message {
      case .event(let event):
        frames.append(QueueMessage.event(event, secrets: secrets, inlineBytes: inlineBytes))
      case .removed(let ids): frames.append(QueueMessage.ids("jobs_removed", ids))
      case .changed(let ids): frames.append(QueueMessage.ids("changed", ids))
      case .created(let id):
        guard let job = late[id] else { continue }
        frames.append(QueueMessage.job("job_created", job, secrets: secrets, inlineBytes: inlineBytes))
      case .state: tellState()
      }
    }
    return frames
  }

  // MARK: The state

  private func readStates(_ wakes: AsyncStream<Void>) async {
    for await _ in wakes {
      while !Task.isCancelled, isWanted {
        do throws(StintError) { try await readState() } catch {
          logger.warning("queue state not read", metadata: ["error": "\(error)"])
          let frame = QueueMessage.error(error, requestID: nil, secrets: .none, inlineBytes: inlineBytes)
          let waiting = state.withLock { state in
            state.reading = nil
            return Array(state.waiting.values)
          }
          for socket in waiting { socket.reply(frame) }
          try? await time.sleep(for: .seconds(1))
        }
      }
    }
  }

  private var isWanted: Bool { state.withLock { $0.wantsAll || !$0.waiting.isEmpty } }

  private func readState() async throws(StintError) {
    let readAt = time.uptime()
    let isForAll = state.withLock { state in
      defer { state.wantsAll = false }
      state.reading = Since()
      return state.wantsAll
    }
    let snapshot: QueueSnapshot
    let known: SecretParams.Known
    do throws(StintError) {
      snapshot = try await QueueSnapshot.read(client)
      known = try await secrets.read(for: Set(snapshot.jobs.map(\.spec.type)))
    } catch {
      if isForAll { state.withLock { $0.wantsAll = true } }
      throw error
    }
    let frame = QueueMessage.state(snapshot, secrets: known, inlineBytes: inlineBytes)
    state.withLock { state in
      let since = state.reading ?? Since()
      state.reading = nil
      // Some have these figures, others older ones: the next ones go to all.
      if state.stats != snapshot.stats { state.stats = nil }
      let readers = isForAll ? state.sockets : state.waiting
      for socket in readers.values { socket.deliver(frame, since: since.frames) }
      state.waiting = [:]
      state.snapshot = state.wantsAll ? nil : Snapshot(frame: frame, readAt: readAt, since: since)
    }
  }

  // MARK: Figures and pings

  private func tick() async {
    var nextPing = time.uptime() + Self.pingInterval
    var statsReadAt = time.uptime()
    while !Task.isCancelled {
      let next = min(nextPing, time.uptime() + .milliseconds(250))
      guard (try? await time.sleep(untilUptime: next)) != nil else { return }
      let now = time.uptime()
      if now >= nextPing {
        nextPing = now + Self.pingInterval
        for socket in state.withLock({ Array($0.sockets.values) }) { socket.tell(.ping) }
      }
      let isNews = state.withLock { $0.isNews }
      // A ping's turn comes between two of these.
      let pause: Duration = isNews ? .milliseconds(250) : .seconds(1)
      if now - statsReadAt >= pause {
        statsReadAt = now
        await tellStats()
      }
    }
  }

  private func tellStats() async {
    state.withLock { $0.isNews = false }
    // A store that is away is told of by whoever needs it; figures come when it is back.
    guard let stats = try? await client.stats() else { return }
    let isSame = state.withLock { state in
      if state.stats == stats { return true }
      state.stats = stats
      return false
    }
    if !isSame { tell([QueueMessage.stats(stats)], isNews: false) }
  }
}

extension EventCondenser.Message {
  /// The type of the job that goes along whole.
  fileprivate var shownType: String? {
    switch self {
    case .event(.created(let job)), .event(.moved(let job)): job.spec.type
    default: nil
    }
  }
}
