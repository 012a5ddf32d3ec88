// Stands in for the native module @vscode/spdlog inside the VS Code server build: VS Code writes its logs and every
// output channel of an extension through it, and shows what the file then holds. Not kept: rotation by size and
// asynchronous writing, which no test waits for.
'use strict'

const { appendFileSync, mkdirSync } = require('node:fs')
const { dirname } = require('node:path')

// VS Code import()s this file, and Node finds the names of a CommonJS module by `exports.x =`.
exports.version = 10000
exports.setLevel = () => {}
exports.setFlushOn = () => {}
exports.createRotatingLogger = async (_name, file) => new Logger('rotating', _name, file)
exports.createAsyncRotatingLogger = async (_name, file) => new Logger('rotating_async', _name, file)

const levels = ['trace', 'debug', 'info', 'warning', 'error', 'critical', 'off']

class Logger {
  #file
  #level = levels.indexOf('info')
  #plain = false

  constructor(_kind, _name, file) {
    this.#file = file
    mkdirSync(dirname(file), { recursive: true })
    appendFileSync(file, '')
  }

  trace(message) {
    this.#write('trace', message)
  }
  debug(message) {
    this.#write('debug', message)
  }
  info(message) {
    this.#write('info', message)
  }
  warn(message) {
    this.#write('warning', message)
  }
  error(message) {
    this.#write('error', message)
  }
  critical(message) {
    this.#write('critical', message)
  }

  getLevel() {
    return this.#level
  }
  setLevel(level) {
    this.#level = level
  }
  setPattern() {
    // VS Code knows one pattern: "%Y-%m-%d %H:%M:%S.%e [%l] %v".
    this.#plain = false
  }
  clearFormatters() {
    // The message as it is, without even a line end: plain output channels bring their own.
    this.#plain = true
  }
  flush() {}
  drop() {}

  #write(level, message) {
    if (levels.indexOf(level) < this.#level) return
    appendFileSync(this.#file, this.#plain ? message : `${localTime()} [${level}] ${message}\n`)
  }
}

exports.Logger = Logger

function localTime() {
  const now = new Date()
  const local = new Date(now.getTime() - now.getTimezoneOffset() * 60_000)
  return local.toISOString().replace('T', ' ').replace('Z', '')
}
