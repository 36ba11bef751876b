# Perl's Net::Akismet, which speaks plain http only.
use strict;
use warnings;
use JSON::PP;
use Net::Akismet;

my %names = (true => 'spam', false => 'ham');
my %visitor = (USER_IP => '192.0.2.7', COMMENT_USER_AGENT => 'Mozilla/5.0');
my %ham = (%visitor, COMMENT_AUTHOR => 'Anna', COMMENT_CONTENT => $ENV{HAM});
my %spam = (%visitor, COMMENT_AUTHOR => 'viagra-test-123', COMMENT_CONTENT => $ENV{SPAM});

sub verdict {
    my ($client, %comment) = @_;
    return $names{ $client->check(%comment) // '' } // 'error';
}

sub truth { return shift() ? JSON::PP::true : JSON::PP::false }

my @blog = (URL => $ENV{BLOG}, SERVICE_HOST => $ENV{SERVICE});
my $client = Net::Akismet->new(@blog, KEY => $ENV{KEY});
my %answers = (
    verified => truth($client),
    wrong_verified => truth(Net::Akismet->new(@blog, KEY => $ENV{WRONG_KEY})),
);
$answers{ham} = verdict($client, %ham);
$answers{spam} = verdict($client, %spam);
$answers{submitted} = truth($client->ham(%ham) && $client->spam(%spam));
# The constructor verifies the key, so the wrong key is set afterwards.
$client->{KEY} = $ENV{WRONG_KEY};
$answers{wrong} = verdict($client, %ham);
print encode_json(\%answers);
