# The Ruby gem akismet.
require 'akismet'
require 'json'

HAM = { author: 'Anna', text: ENV.fetch('HAM') }.freeze
SPAM = { author: 'viagra-test-123', text: ENV.fetch('SPAM') }.freeze
VISITOR = ['192.0.2.7', 'Mozilla/5.0'].freeze

def verdict(client, comment)
  spam, blatant = client.check(*VISITOR, comment)
  return 'discard' if blatant

  spam ? 'spam' : 'ham'
rescue Akismet::Error
  'error'
end

client = Akismet::Client.new(ENV.fetch('KEY'), ENV.fetch('BLOG'), app_name: 'driver', app_version: '1')
stranger = Akismet::Client.new(ENV.fetch('WRONG_KEY'), ENV.fetch('BLOG'))
answers = {
  verified: client.verify_key, wrong_verified: stranger.verify_key,
  ham: verdict(client, HAM), spam: verdict(client, SPAM), wrong: verdict(stranger, HAM)
}
client.ham(*VISITOR, HAM)
client.spam(*VISITOR, SPAM)
print JSON.generate(answers.merge(submitted: true))
