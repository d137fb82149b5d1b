// franz-go (kgo and kadm) as it comes as a Go module. Usage: see checks.CommandLine.
package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"tollgate/tests/kafka/checks"
)

var (
	must   = checks.Must
	always = context.Background()
)

type franz struct {
	settings []kgo.Opt
	admin    *kadm.Client
}

func main() {
	options := checks.CommandLine()
	settings := []kgo.Opt{kgo.SeedBrokers(options.Bootstrap), kgo.MetadataMinAge(50 * time.Millisecond)}
	if options.TLS != nil {
		settings = append(settings, kgo.DialTLSConfig(options.TLS))
	}
	login := scram.Auth{User: options.User, Pass: options.Password}
	switch options.Mechanism {
	case "PLAIN":
		settings = append(settings, kgo.SASL(plain.Auth{User: options.User, Pass: options.Password}.AsMechanism()))
	case "SCRAM-SHA-256":
		settings = append(settings, kgo.SASL(login.AsSha256Mechanism()))
	case "SCRAM-SHA-512":
		settings = append(settings, kgo.SASL(login.AsSha512Mechanism()))
	}
	client := franz{settings: settings}
	client.admin = kadm.NewClient(client.client())
	checks.Run(client, options)
}

func (f franz) client(more ...kgo.Opt) *kgo.Client {
	client, err := kgo.NewClient(append(slices.Clone(f.settings), more...)...)
	must(err)
	return client
}

func one[T any](answer T, err error) T {
	must(err)
	return answer
}

func (f franz) Send(topic, codec string, idempotent bool, records []checks.Record) {
	codecs := map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(),
		"snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}
	settings := []kgo.Opt{kgo.ProducerBatchCompression(codecs[codec]), kgo.ProducerLinger(5 * time.Millisecond)}
	if !idempotent {
		settings = append(settings, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(1))
	}
	if records[0].Partition != checks.ByKey {
		settings = append(settings, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	}
	client := f.client(settings...)
	defer client.Close()
	sent := []*kgo.Record{}
	for _, record := range records {
		headers := []kgo.RecordHeader{}
		for _, header := range record.Headers {
			headers = append(headers, kgo.RecordHeader{Key: header.Name, Value: header.Value})
		}
		sent = append(sent, &kgo.Record{Topic: topic, Partition: max(record.Partition, 0), Key: record.Key,
			Value: record.Value, Timestamp: time.UnixMilli(record.TimestampMs), Headers: headers})
	}
	must(client.ProduceSync(always, sent...).FirstErr())
}

func received(record *kgo.Record) checks.Record {
	headers := []checks.Header{}
	for _, header := range record.Headers {
		headers = append(headers, checks.Header{Name: header.Key, Value: header.Value})
	}
	return checks.Record{Partition: record.Partition, Offset: record.Offset, Key: record.Key,
		Value:       record.Value,
		TimestampMs: record.Timestamp.UnixMilli(), Headers: headers}
}

func (f franz) ReadFrom(topic string, partition int32, offset int64, count int) []checks.Record {
	from := map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().At(offset)}}
	client := f.client(kgo.ConsumePartitions(from), kgo.FetchMaxWait(200*time.Millisecond))
	defer client.Close()
	records := []checks.Record{}
	for len(records) < count {
		fetches := client.PollRecords(always, count-len(records))
		must(fetches.Err())
		fetches.EachRecord(func(record *kgo.Record) { records = append(records, received(record)) })
	}
	return records
}

type member struct {
	client     *kgo.Client
	mutex      sync.Mutex
	partitions map[int32]bool
	leave      context.CancelFunc
	ended      chan bool
}

func (f franz) Join(group, topic string, handle func(checks.Record) bool) checks.Member {
	staying, leave := context.WithCancel(always)
	m := &member{partitions: map[int32]bool{}, leave: leave, ended: make(chan bool)}
	owned := func(is bool) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, changed map[string][]int32) {
			m.mutex.Lock()
			defer m.mutex.Unlock()
			for _, partition := range changed[topic] {
				m.partitions[partition] = is
			}
		}
	}
	m.client = f.client(kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.SessionTimeout(6*time.Second),
		kgo.HeartbeatInterval(500*time.Millisecond), kgo.FetchMaxWait(200*time.Millisecond),
		kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(owned(true)), kgo.OnPartitionsRevoked(owned(false)),
		kgo.OnPartitionsLost(owned(false)))
	go m.poll(staying, handle)
	return m
}

// Polls until the member leaves. What it has taken is committed first, with a client that is still open.
func (m *member) poll(staying context.Context, handle func(checks.Record) bool) {
	defer close(m.ended)
	for staying.Err() == nil {
		fetches := m.client.PollRecords(staying, 20)
		taken := []*kgo.Record{}
		fetches.EachRecord(func(record *kgo.Record) {
			if handle(received(record)) {
				taken = append(taken, record)
			}
		})
		// A commit that comes while the partitions are being shared anew is refused; then the records come again.
		if err := m.client.CommitRecords(always, taken...); err != nil && !errors.Is(err, context.Canceled) &&
			!errors.Is(err, kerr.RebalanceInProgress) && !errors.Is(err, kerr.IllegalGeneration) {
			must(err)
		}
		m.client.AllowRebalance()
	}
}

func (m *member) Partitions() []int32 {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	partitions := []int32{}
	for partition := range maps.Keys(m.partitions) {
		if m.partitions[partition] {
			partitions = append(partitions, partition)
		}
	}
	return partitions
}

func (m *member) Close() {
	m.leave()
	<-m.ended
	m.client.CloseAllowingRebalance()
}

func (f franz) Ends(topic string, partition int32) (int64, int64) {
	first, _ := one(f.admin.ListStartOffsets(always, topic)).Lookup(topic, partition)
	end, _ := one(f.admin.ListEndOffsets(always, topic)).Lookup(topic, partition)
	must(errors.Join(first.Err, end.Err))
	return first.Offset, end.Offset
}

func (f franz) OffsetForTime(topic string, partition int32, timestampMs int64) int64 {
	answer, _ := one(f.admin.ListOffsetsAfterMilli(always, timestampMs, topic)).Lookup(topic, partition)
	must(answer.Err)
	return answer.Offset
}

func (f franz) CreateTopic(name string, partitions int, configs map[string]string) {
	settings := map[string]*string{}
	for key, value := range configs {
		settings[key] = &value
	}
	must(one(f.admin.CreateTopic(always, int32(partitions), 1, settings, name)).Err)
}

func (f franz) CreateAgainIsRefused(name string) bool {
	_, err := f.admin.CreateTopic(always, 1, 1, nil, name)
	return errors.Is(err, kerr.TopicAlreadyExists)
}

func (f franz) AddPartitions(topic string, total int) {
	must(one(f.admin.UpdatePartitions(always, total, topic)).Error())
}

func (f franz) DeleteTopic(name string) {
	must(one(f.admin.DeleteTopic(always, name)).Err)
}

func (f franz) Topics() []string {
	return one(f.admin.ListTopics(always)).Names()
}

func (f franz) PartitionCount(topic string) int {
	details := one(f.admin.ListTopics(always, topic))[topic]
	must(details.Err)
	return len(details.Partitions)
}

func (f franz) TopicConfig(topic string) map[string]string {
	found := map[string]string{}
	for _, entry := range one(one(f.admin.DescribeTopicConfigs(always, topic)).On(topic, nil)).Configs {
		found[entry.Key] = entry.MaybeValue()
	}
	return found
}

func (f franz) Cluster() ([]int32, int32) {
	metadata := one(f.admin.BrokerMetadata(always))
	return metadata.Brokers.NodeIDs(), metadata.Controller
}

func (f franz) Groups() []string {
	return one(f.admin.ListGroups(always)).Groups()
}

func (f franz) GroupState(group string) string {
	described := one(f.admin.DescribeGroups(always, group))[group]
	must(described.Err)
	return described.State
}

func (f franz) CommitOffset(group, topic string, partition int32, offset int64) {
	offsets := kadm.Offsets{}
	offsets.AddOffset(topic, partition, offset, -1)
	must(f.admin.CommitAllOffsets(always, group, offsets))
}

func (f franz) CommittedOffset(group, topic string, partition int32) int64 {
	answer, found := one(f.admin.FetchOffsetsForTopics(always, group, topic)).Lookup(topic, partition)
	must(answer.Err)
	if !found {
		return -1
	}
	return answer.At
}

func (f franz) DeleteGroup(group string) {
	must(one(f.admin.DeleteGroup(always, group)).Err)
}

func (f franz) Denied() {
	limited, cancel := context.WithTimeout(always, 15*time.Second)
	defer cancel()
	err := f.client(kgo.RequestRetries(1)).Ping(limited)
	checks.True(err != nil, "a wrong password is refused")
	if !errors.Is(err, kerr.SaslAuthenticationFailed) {
		must(err)
	}
}
