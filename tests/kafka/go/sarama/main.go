// sarama as it comes as a Go module. Usage: see checks.CommandLine.
package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/xdg-go/scram"

	"tollgate/tests/kafka/checks"
)

var must = checks.Must

type client struct {
	options *checks.Options
	// One of each, for everything but producing and consuming.
	shared sarama.Client
	admin  sarama.ClusterAdmin
}

func main() {
	options := checks.CommandLine()
	c := &client{options: options}
	if options.Scenario != "denied" {
		c.shared = one(sarama.NewClient([]string{options.Bootstrap}, c.settings()))
		c.admin = one(sarama.NewClusterAdminFromClient(c.shared))
	}
	checks.Run(c, options)
}

func one[T any](answer T, err error) T {
	must(err)
	return answer
}

// login is SCRAM from the library that sarama's own examples take.
type login struct {
	*scram.ClientConversation
	hash scram.HashGeneratorFcn
}

func (l *login) Begin(user, password, identity string) error {
	client, err := l.hash.NewClient(user, password, identity)
	if err == nil {
		l.ClientConversation = client.NewConversation()
	}
	return err
}

func (c *client) settings() *sarama.Config {
	settings := sarama.NewConfig()
	if c.options.Newest {
		settings.Version = sarama.MaxVersion
	}
	settings.Metadata.Retry.Backoff = 50 * time.Millisecond
	settings.Net.TLS.Enable, settings.Net.TLS.Config = c.options.TLS != nil, c.options.TLS
	sasl := &settings.Net.SASL
	sasl.Enable, sasl.Mechanism = c.options.Mechanism != "", sarama.SASLMechanism(c.options.Mechanism)
	sasl.User, sasl.Password = c.options.User, c.options.Password
	hash := scram.SHA256
	if c.options.Mechanism == sarama.SASLTypeSCRAMSHA512 {
		hash = scram.SHA512
	}
	sasl.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &login{hash: hash} }
	settings.Consumer.Return.Errors = false
	settings.Consumer.MaxWaitTime = 200 * time.Millisecond
	settings.Consumer.Offsets.Initial = sarama.OffsetOldest
	settings.Consumer.Offsets.AutoCommit.Interval = 100 * time.Millisecond
	settings.Consumer.Group.Session.Timeout = 6 * time.Second
	settings.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	settings.Consumer.Group.Rebalance.Retry.Backoff = 50 * time.Millisecond
	return settings
}

func (c *client) Send(topic, codec string, idempotent bool, records []checks.Record) {
	settings := c.settings()
	settings.Producer.RequiredAcks = sarama.WaitForAll
	settings.Producer.Return.Successes = true
	settings.Producer.Flush.Frequency = 5 * time.Millisecond
	settings.Producer.Idempotent, settings.Net.MaxOpenRequests = idempotent, 1
	settings.Producer.Compression = map[string]sarama.CompressionCodec{"none": sarama.CompressionNone,
		"gzip": sarama.CompressionGZIP, "snappy": sarama.CompressionSnappy, "lz4": sarama.CompressionLZ4,
		"zstd": sarama.CompressionZSTD}[codec]
	if records[0].Partition != checks.ByKey {
		settings.Producer.Partitioner = sarama.NewManualPartitioner
	}
	producer := one(sarama.NewSyncProducer([]string{c.options.Bootstrap}, settings))
	defer func() { must(producer.Close()) }()
	messages := []*sarama.ProducerMessage{}
	for _, record := range records {
		message := &sarama.ProducerMessage{Topic: topic, Partition: record.Partition,
			Timestamp: time.UnixMilli(record.TimestampMs)}
		if record.Key != nil {
			message.Key = sarama.ByteEncoder(record.Key)
		}
		if record.Value != nil {
			message.Value = sarama.ByteEncoder(record.Value)
		}
		for _, header := range record.Headers {
			message.Headers = append(message.Headers, sarama.RecordHeader{Key: []byte(header.Name),
				Value: header.Value})
		}
		messages = append(messages, message)
	}
	must(producer.SendMessages(messages))
}

func received(message *sarama.ConsumerMessage) checks.Record {
	headers := []checks.Header{}
	for _, header := range message.Headers {
		headers = append(headers, checks.Header{Name: string(header.Key), Value: header.Value})
	}
	return checks.Record{Partition: message.Partition, Offset: message.Offset, Key: message.Key,
		Value:       message.Value,
		TimestampMs: message.Timestamp.UnixMilli(), Headers: headers}
}

func (c *client) ReadFrom(topic string, partition int32, offset int64, count int) []checks.Record {
	consumer := one(sarama.NewConsumer([]string{c.options.Bootstrap}, c.settings()))
	defer func() { must(consumer.Close()) }()
	messages := one(consumer.ConsumePartition(topic, partition, offset))
	records := []checks.Record{}
	for len(records) < count {
		records = append(records, received(<-messages.Messages()))
	}
	must(messages.Close())
	return records
}

// member is a consumer of a group; sarama calls it back.
type member struct {
	topic      string
	handle     func(checks.Record) bool
	group      sarama.ConsumerGroup
	mutex      sync.Mutex
	partitions []int32
	leave      context.CancelFunc
	ended      chan bool
}

func (m *member) Setup(session sarama.ConsumerGroupSession) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.partitions = session.Claims()[m.topic]
	return nil
}

func (m *member) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		if m.handle(received(message)) {
			session.MarkMessage(message, "")
		}
	}
	return nil
}

func (c *client) Join(group, topic string, handle func(checks.Record) bool) checks.Member {
	staying, leave := context.WithCancel(context.Background())
	m := &member{topic: topic, handle: handle, leave: leave, ended: make(chan bool)}
	m.group = one(sarama.NewConsumerGroup([]string{c.options.Bootstrap}, group, c.settings()))
	go func() {
		defer close(m.ended)
		for staying.Err() == nil {
			if err := m.group.Consume(staying, []string{topic}, m); staying.Err() == nil {
				must(err)
			}
		}
	}()
	return m
}

func (m *member) Partitions() []int32 {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return slices.Clone(m.partitions)
}

func (m *member) Close() {
	m.leave()
	<-m.ended
	must(m.group.Close())
}

func (c *client) Ends(topic string, partition int32) (int64, int64) {
	return one(c.shared.GetOffset(topic, partition, sarama.OffsetOldest)),
		one(c.shared.GetOffset(topic, partition, sarama.OffsetNewest))
}

func (c *client) OffsetForTime(topic string, partition int32, timestampMs int64) int64 {
	return one(c.shared.GetOffset(topic, partition, timestampMs))
}

func (c *client) CreateTopic(name string, partitions int, configs map[string]string) {
	entries := map[string]*string{}
	for key, value := range configs {
		entries[key] = &value
	}
	must(c.admin.CreateTopic(name, &sarama.TopicDetail{NumPartitions: int32(partitions), ReplicationFactor: 1,
		ConfigEntries: entries}, false))
}

func (c *client) CreateAgainIsRefused(name string) bool {
	err := c.admin.CreateTopic(name, &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}, false)
	return errors.Is(err, sarama.ErrTopicAlreadyExists)
}

func (c *client) AddPartitions(topic string, total int) {
	must(c.admin.CreatePartitions(topic, int32(total), nil, false))
}

func (c *client) DeleteTopic(name string) { must(c.admin.DeleteTopic(name)) }

func (c *client) Topics() []string {
	names := []string{}
	for name := range one(c.admin.ListTopics()) {
		names = append(names, name)
	}
	return names
}

func (c *client) PartitionCount(topic string) int {
	metadata := one(c.admin.DescribeTopics([]string{topic}))[0]
	checks.Equal(metadata.Err, sarama.ErrNoError, "describing the topic")
	return len(metadata.Partitions)
}

func (c *client) TopicConfig(topic string) map[string]string {
	found := map[string]string{}
	for _, entry := range one(c.admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource,
		Name: topic})) {
		found[entry.Name] = entry.Value
	}
	return found
}

func (c *client) Cluster() ([]int32, int32) {
	brokers, controller, err := c.admin.DescribeCluster()
	must(err)
	ids := []int32{}
	for _, broker := range brokers {
		ids = append(ids, broker.ID())
	}
	return ids, controller
}

func (c *client) Groups() []string {
	names := []string{}
	for name := range one(c.admin.ListConsumerGroups()) {
		names = append(names, name)
	}
	return names
}

func (c *client) GroupState(group string) string {
	description := one(c.admin.DescribeConsumerGroups([]string{group}))[0]
	checks.Equal(description.Err, sarama.ErrNoError, "describing the group")
	return description.State
}

func (c *client) CommitOffset(group, topic string, partition int32, offset int64) {
	manager := one(sarama.NewOffsetManagerFromClient(group, c.shared))
	place := one(manager.ManagePartition(topic, partition))
	place.MarkOffset(offset, "")
	manager.Commit()
	must(place.Close())
	must(manager.Close())
}

func (c *client) CommittedOffset(group, topic string, partition int32) int64 {
	answer := one(c.admin.ListConsumerGroupOffsets(group, map[string][]int32{topic: {partition}}))
	block := answer.GetBlock(topic, partition)
	checks.Equal(block.Err, sarama.ErrNoError, "fetching the committed offset")
	return block.Offset
}

func (c *client) DeleteGroup(group string) { must(c.admin.DeleteConsumerGroup(group)) }

func (c *client) Denied() {
	settings := c.settings()
	settings.Metadata.Retry.Max = 0
	_, err := sarama.NewClient([]string{c.options.Bootstrap}, settings)
	checks.True(err != nil, "a wrong password is refused")
	if !errors.Is(err, sarama.ErrSASLAuthenticationFailed) {
		must(err)
	}
}
