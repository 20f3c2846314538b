import StintCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#endif

/// Starts this program again, as a worker process.
enum Spawn {
  /// A connected pair of sockets, neither of which is inherited.
  static func socketPair() throws(StintError) -> (Int32, Int32) {
    var pair: [Int32] = [-1, -1]
    #if canImport(Glibc)
      let kind = Int32(SOCK_STREAM.rawValue)
    #else
      let kind = SOCK_STREAM
    #endif
    guard socketpair(AF_UNIX, kind, 0, &pair) == 0 else { throw SupervisedProcess.failure("socketpair", errno) }
    for end in pair {
      _ = setCloseOnExec(end)
      #if canImport(Darwin)
        var on: Int32 = 1
        setsockopt(end, SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
      #endif
    }
    return (pair[0], pair[1])
  }

  /// This program's file: the one that runs, even where another has taken its place on disk.
  static var program: String {
    #if os(Linux) || os(Android)
      "/proc/self/exe"
    #else
      CommandLine.arguments[0]
    #endif
  }

  /// Starts `command` (this program's own arguments) in a process group of its own: a Ctrl-C on the terminal is the
  /// supervisor's to answer. It has the `descriptors`, from 3 on in their order, the streams for output, and no others.
  static func start(_ command: [String], descriptors: [Int32]) throws(StintError) -> pid_t {
    // Out of the way of the numbers they are to have.
    let high = descriptors.map { fcntl($0, F_DUPFD_CLOEXEC, 16) }
    defer { for descriptor in high { close(descriptor) } }
    guard high.allSatisfy({ $0 >= 0 }) else { throw SupervisedProcess.failure("descriptors", errno) }
    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t?
      var attributes: posix_spawnattr_t?
    #else
      var actions = posix_spawn_file_actions_t()
      var attributes = posix_spawnattr_t()
    #endif
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    // Standard output is for what the program itself says there; a worker process only logs.
    posix_spawn_file_actions_adddup2(&actions, 2, 1)
    for (number, descriptor) in zip(WorkerProcess.channelDescriptor..., high) {
      posix_spawn_file_actions_adddup2(&actions, descriptor, number)
    }
    var flags = Int32(POSIX_SPAWN_SETPGROUP) | Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF)
    #if canImport(Darwin)
      flags |= Int32(POSIX_SPAWN_CLOEXEC_DEFAULT)
    #else
      keepDescriptors()
    #endif
    posix_spawnattr_setflags(&attributes, Int16(flags))
    posix_spawnattr_setpgroup(&attributes, 0)
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigaddset(&signals, SIGTERM)
    sigaddset(&signals, SIGINT)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    let strings = command.map { strdup($0) }
    let names = environment.map { strdup($0) }
    defer { for string in strings + names { free(string) } }
    var pid: pid_t = 0
    let code = posix_spawn(&pid, program, &actions, &attributes, strings + [nil], names + [nil])
    guard code == 0 else { throw SupervisedProcess.failure(program, code) }
    KillPoint.reached(.processSpawned)
    return pid
  }

  /// Keeps every descriptor of this process from what it starts, whoever opened it.
  private static func keepDescriptors() {
    guard let folder = opendir("/proc/self/fd") else { return }
    defer { closedir(folder) }
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if let descriptor = Int32(name), descriptor > 2 { _ = setCloseOnExec(descriptor) }
    }
  }

  /// This process's environment, and the word that makes the new one a worker.
  private static var environment: [String] {
    var entries: [String] = []
    var next = environ
    while let entry = next.pointee {
      entries.append(String(cString: entry))
      next += 1
    }
    return entries.filter { !$0.hasPrefix("\(WorkerProcess.environmentName)=") }
      + ["\(WorkerProcess.environmentName)=\(getpid())"]
  }
}

/// The number of this process.
func ownProcess() -> Int32 { getpid() }
